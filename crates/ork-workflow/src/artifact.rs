//! `artifact`: a step that keeps files, or names one that is elsewhere.

use ork_core::address::check_address;
use ork_core::artifact::{check_name, is_checksum, is_content_type};
use ork_core::glob::Glob;
use ork_core::limits;
use ork_core::step::ArtifactStep;
use serde_json::Value;

use crate::diagnostic::Report;
use crate::expression::{Part, Template};
use crate::fields::{self, Fields};
use crate::sight::{Eyes, Inside, Sight};
use crate::source::Span;
use crate::tree::{Kind, Located};
use crate::{codes, keys};

/// Patterns of one step.
pub const PATHS_MAX: usize = 100;

/// Reads `artifact`.
pub fn read(node: &Located, inside: Inside, eyes: &mut Eyes<'_, '_>, report: &mut Report) -> Option<ArtifactStep> {
    let fields = Fields::open(node, "`artifact`", &keys::ARTIFACT, report)?;
    let mut reader = Reader { fields, sight: Sight::Task(inside), eyes, report };
    reader.refuse_unfit();
    let mut step = ArtifactStep { path: reader.paths(), url: reader.url(), ..ArtifactStep::default() };
    reader.describe(&mut step);
    Some(step)
}

struct Reader<'a, 'w, 's, 't> {
    fields: Fields<'t>,
    sight: Sight,
    eyes: &'a mut Eyes<'w, 's>,
    report: &'a mut Report,
}

impl Reader<'_, '_, '_, '_> {
    /// A file is in the folder, or elsewhere.
    fn refuse_unfit(&mut self) {
        let at = Span::new(self.fields.at.start, self.fields.at.start + 1);
        match (self.fields.get("path").is_some(), self.fields.entry("url")) {
            (false, None) if self.fields.is_suggested("path") || self.fields.is_suggested("url") => {}
            (false, None) => {
                let hint = "say which files of the folder are kept: `path: \"out/*.mp4\"`; or where one is: `url`";
                self.report.hinted(codes::ARTIFACT, at, "`artifact` has neither `path` nor `url`", hint);
            }
            (true, Some((key, _))) => {
                let hint = "keep one, and make another step of the other";
                self.report.hinted(codes::ARTIFACT, key.at, "`artifact` has both `path` and `url`", hint);
            }
            (true, None) => {
                self.unfit(&["size", "checksum"], "a `path`", "Ork counts and sums up what it keeps: remove it");
            }
            (false, Some(_)) => {
                self.unfit(&["optional"], "a `url`", "nothing is looked for: remove it");
                if self.fields.get("name").is_none() && !self.fields.is_suggested("name") {
                    let hint = "say what the file is called: `name: clip.mp4`";
                    self.report.hinted(codes::KEY_MISSING, at, "`artifact` with a `url` has no `name`", hint);
                }
            }
        }
    }

    fn unfit(&mut self, names: &[&str], what: &str, hint: &str) {
        for name in names {
            if let Some((key, _)) = self.fields.entry(name) {
                self.report.hinted(codes::KEYS_CONFLICT, key.at, format!("`{name}` does not fit {what}"), hint);
            }
        }
    }

    fn paths(&mut self) -> Vec<String> {
        let Some(node) = self.fields.get("path") else { return Vec::new() };
        let items = match &node.kind {
            Kind::List(items) => items.as_slice(),
            _ => std::slice::from_ref(node),
        };
        if items.is_empty() || items.len() > PATHS_MAX {
            let message = format!("`path` has 1 to {PATHS_MAX} patterns, and this one has {}", items.len());
            self.report.add(codes::OUT_OF_RANGE, node.at, message);
        }
        items.iter().filter_map(|item| self.path(item)).collect()
    }

    fn path(&mut self, node: &Located) -> Option<String> {
        let text = self.template(node, "path")?;
        if let Err(why) = Glob::parse(&without_templates(text)) {
            let hint = "write it below the folder of the steps: `out/clip.mp4`, `out/*.mp4`, `**/*.json`";
            self.report.hinted(codes::ARTIFACT, node.at, why, hint);
        }
        Some(text.to_owned())
    }

    fn url(&mut self) -> Option<String> {
        let node = self.fields.get("url")?;
        let text = self.template(node, "url")?;
        // A template may give the beginning as well.
        if !text.contains("{{")
            && let Err(why) = check_address(text)
        {
            self.report.add(codes::ARTIFACT, node.at, format!("`url` is no address: {why}"));
        }
        Some(text.to_owned())
    }

    /// What is said of the file.
    fn describe(&mut self, step: &mut ArtifactStep) {
        step.name = self.checked("name", check_name);
        step.checksum = self.checked("checksum", |checksum| {
            is_checksum(checksum)
                .then_some(())
                .ok_or_else(|| "a SHA-256 has 64 hexadecimal digits in lower case".into())
        });
        if let Some(node) = self.fields.get("kind") {
            step.kind = fields::name(node, "`kind`", self.report).map(str::to_owned);
        }
        if let Some(node) = self.fields.get("content_type") {
            step.content_type = fields::text(node, "`content_type`", self.report).map(str::to_owned);
            if step.content_type.as_deref().is_some_and(|text| !is_content_type(text)) {
                let message = "`content_type` is no media type";
                self.report.hinted(
                    codes::ARTIFACT,
                    node.at,
                    message,
                    "write `video/mp4`, or `text/plain; charset=utf-8`",
                );
            }
        }
        step.size = self.size();
        step.meta = self.meta();
        if let Some(node) = self.fields.get("optional") {
            step.optional = fields::boolean(node, "`optional`", self.report).unwrap_or_default();
        }
    }

    fn size(&mut self) -> Option<Value> {
        let node = self.fields.get("size")?;
        if matches!(&node.kind, Kind::Text(text) if text.contains("{{")) {
            return self.template(node, "size").map(Value::from);
        }
        fields::integer(node, "`size`", (0, i64::MAX), self.report).map(Value::from)
    }

    fn meta(&mut self) -> Option<Value> {
        let node = self.fields.get("meta")?;
        fields::entries(node, "`meta`", self.report)?;
        self.eyes.value(node, self.sight, self.report);
        let value = fields::value(node, "`meta`", self.report)?;
        if value.to_string().len() > limits::ARTIFACT_META_BYTES_MAX {
            let message = format!("`meta` is larger than {} bytes", limits::ARTIFACT_META_BYTES_MAX);
            self.report.add(codes::VALUE_LARGE, node.at, message);
        }
        Some(value)
    }

    /// A text that is checked where it is no template.
    fn checked(&mut self, key: &str, check: impl Fn(&str) -> Result<(), String>) -> Option<String> {
        let node = self.fields.get(key)?;
        let text = self.template(node, key)?;
        if let Err(why) = check(text).or_else(|why| if text.contains("{{") { Ok(()) } else { Err(why) }) {
            self.report.add(codes::ARTIFACT, node.at, format!("`{key}`: {why}"));
        }
        Some(text.to_owned())
    }

    fn template<'n>(&mut self, node: &'n Located, key: &str) -> Option<&'n str> {
        self.eyes.value(node, self.sight, self.report);
        fields::text(node, &format!("`{key}`"), self.report)
    }
}

/// A pattern as it may become: what a template gives is some name.
fn without_templates(text: &str) -> String {
    // What is wrong with a template is reported already.
    let Ok(template) = Template::cut(text) else { return "x".to_owned() };
    let plain = |part: &Part<'_>| match part {
        Part::Text(text) => (*text).to_owned(),
        Part::Expression { .. } => "x".to_owned(),
    };
    template.parts.iter().map(plain).collect()
}
