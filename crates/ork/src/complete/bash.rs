//! Bash. It breaks words at `:`, `=`, `<` and `>` too, which ids, filters and paths have, and would replace only what stands
//! after the last of them. So the script hands over the line, and gets back what bash is to insert there.

use std::ffi::OsString;
use std::io::{Error, Write};
use std::path::Path;

use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::EnvCompleter;

/// As clap's own, but for the words.
pub struct Bash;

/// Kept in files, perhaps for years: what it sends is a promise.
const SCRIPT: &str = r#"_ork() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        COMPREPLY+=("$line")
    done < <(VARIABLE=bash ork -- "${COMP_LINE:0:COMP_POINT}" "$2" "$COMP_TYPE" 2>/dev/null)
    if [[ ${#COMPREPLY[@]} -eq 1 && ${COMPREPLY[0]} == *[/=] ]]; then
        compopt -o nospace 2>/dev/null
    fi
}
complete -o nosort -F _ork ork 2>/dev/null || complete -F _ork ork
"#;

/// `COMP_TYPE` when bash shows a list instead of inserting: `?`, `!`, `@`.
const LISTS: [&str; 3] = ["63", "33", "64"];

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(
        &self,
        variable: &str,
        _name: &str,
        _bin: &str,
        _completer: &str,
        into: &mut dyn Write,
    ) -> Result<(), Error> {
        into.write_all(SCRIPT.replace("VARIABLE", variable).as_bytes())
    }

    fn write_complete(
        &self,
        command: &mut clap::Command,
        args: Vec<OsString>,
        folder: Option<&Path>,
        into: &mut dyn Write,
    ) -> Result<(), Error> {
        let arg = |at: usize| args.get(at).map(|arg| arg.to_string_lossy().into_owned()).unwrap_or_default();
        let (line, word, kind) = (arg(0), arg(1), arg(2));
        let typed = split(&line);
        let last = typed.words.len().saturating_sub(1);
        let whole = typed.words.last().map_or("", String::as_str);
        let mut found = complete(command, typed.words.iter().map(OsString::from).collect(), last, folder)?;
        // Where a value has no candidate there is an empty one.
        found.retain(|candidate| !candidate.get_value().is_empty());
        // Before anything is typed, options would hide what is asked for; after a `-` they are what is asked for.
        let is_option = |candidate: &CompletionCandidate| candidate.get_value().to_string_lossy().starts_with('-');
        if whole.is_empty() && !found.iter().all(is_option) {
            found.retain(|candidate| !is_option(candidate));
        }
        // What of the word stands before the part that bash replaces.
        let kept = whole.strip_suffix(word.as_str()).map_or(0, str::len);
        let is_list = found.len() > 1 && LISTS.contains(&kind.as_str());
        for candidate in &found {
            let value = candidate.get_value().to_string_lossy();
            let shown = value.get(kept..).unwrap_or(&value);
            let shown = if typed.is_quoted { shown.to_owned() } else { escaped(shown) };
            let help = if is_list { help(candidate) } else { String::new() };
            writeln!(into, "{shown}{help}")?;
        }
        Ok(())
    }
}

/// What a list says beside a word.
fn help(candidate: &CompletionCandidate) -> String {
    let text = candidate.get_help().map(ToString::to_string).unwrap_or_default();
    text.lines().next().filter(|line| !line.is_empty()).map(|line| format!("  ({line})")).unwrap_or_default()
}

/// A line up to the cursor.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Typed {
    /// Its words, without quotes. The last one is the one at the cursor, which may be empty.
    pub words: Vec<String>,
    /// A quote is open at the cursor.
    pub is_quoted: bool,
}

/// Takes a line apart as bash does: at blanks, with quotes and backslashes.
pub fn split(line: &str) -> Typed {
    let mut typed = Typed { words: vec![String::new()], is_quoted: false };
    let mut quote = None;
    let mut rest = line.chars();
    while let Some(c) = rest.next() {
        let at_blank = quote.is_none() && c.is_whitespace();
        let Some(word) = typed.words.last_mut() else { break };
        match c {
            _ if at_blank && word.is_empty() => {}
            _ if at_blank => typed.words.push(String::new()),
            '\\' if quote != Some('\'') => word.extend(rest.next()),
            '"' | '\'' if quote == Some(c) => quote = None,
            '"' | '\'' if quote.is_none() => quote = Some(c),
            c => word.push(c),
        }
    }
    typed.is_quoted = quote.is_some();
    typed
}

/// A word as bash reads it back.
fn escaped(word: &str) -> String {
    let mut text = String::new();
    for c in word.chars() {
        if " \t\"'\\<>|&;()$`*?[]{}#!".contains(c) {
            text.push('\\');
        }
        text.push(c);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_taken_apart() {
        let check = |line: &str, words: &[&str], is_quoted: bool| {
            let words = words.iter().map(|word| (*word).to_owned()).collect();
            assert_eq!(split(line), Typed { words, is_quoted }, "{line}");
        };
        check("ork ", &["ork", ""], false);
        check("ork  runs list st", &["ork", "runs", "list", "st"], false);
        check("ork status:failed\\>", &["ork", "status:failed>"], false);
        check("ork 'started>-2h' \"a 'b", &["ork", "started>-2h", "a 'b"], true);
        check("ork 'a \\", &["ork", "a \\"], true);
        check("", &[""], false);
        assert_eq!(escaped("created>-1d"), "created\\>-1d");
    }
}
