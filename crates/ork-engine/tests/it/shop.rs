//! An executor whose folders are maps, and a model that answers as it is told.

use std::collections::{BTreeMap, VecDeque};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use ork_core::ai::{Ai, AiAnswer, AiCall, AiError};
use ork_core::attempt::{Failure, FailureKind, Outcome};
use ork_core::executor::{
    Assignment, AttemptIo, Executor, Kept, KeptFile, PartSink, PartSource, Program, Report, StopCause, Stream,
    TokenNote, Unkept, Wanted, Work, WorkFolder,
};
use ork_core::glob::Glob;
use ork_core::id::TaskRef;
use ork_core::json::Json;
use ork_core::step::Tokens;
use serde_json::Value;
use tokio::time::sleep;

type Files = BTreeMap<String, String>;

/// What steps did, in order: `name` or `name: what it saw`.
#[derive(Clone, Default)]
pub struct Shop {
    pub told: Arc<Mutex<Vec<String>>>,
}

struct Folder {
    shop: Shop,
    files: Mutex<Files>,
}

impl Shop {
    pub fn told(&self) -> Vec<String> {
        self.told.lock().unwrap().clone()
    }
}

#[async_trait]
impl Executor for Shop {
    async fn execute(&self, _: Assignment, _: Arc<dyn AttemptIo>) -> Report {
        panic!("only steps are done here")
    }

    async fn open(&self, _: TaskRef) -> Result<Arc<dyn WorkFolder>, Failure> {
        Ok(Arc::new(Folder { shop: self.clone(), files: Mutex::default() }))
    }
}

#[async_trait]
impl WorkFolder for Folder {
    async fn execute(&self, work: Assignment, io: Arc<dyn AttemptIo>) -> Report {
        io.started(Some("4711".into()));
        let step = work.step.clone().expect("a step");
        let Work::Process(process) = &work.work else { panic!("not a process") };
        let Program::Argv(argv) = &process.program else { panic!("not a command") };
        let words: Vec<&str> = argv.iter().map(String::as_str).collect();
        let mut told = step.name.clone();
        if step.is_work_lost {
            told += ": nothing is left";
        }
        if let Some(feedback) = &step.feedback {
            told += &format!(": {feedback}");
        }
        let (mut failure, mut output, mut tokens) = (None, None, Vec::new());
        match words.as_slice() {
            ["put", name, text] => drop(self.files.lock().unwrap().insert((*name).into(), (*text).into())),
            ["get", name] => {
                let text = self.files.lock().unwrap().get(*name).cloned();
                told += &format!(": {}", text.as_deref().unwrap_or("-"));
                output = text.map(|text| Json::from_value(&Value::from(text)).unwrap());
            }
            ["nap", ms] => {
                let nap = sleep(Duration::from_millis(ms.parse().unwrap()));
                tokio::select! {
                    () = nap => {}
                    cause = io.stopped() => {
                        self.shop.told.lock().unwrap().push(format!("{told}: stopped"));
                        return Report::of(match cause {
                            StopCause::Cancel => Outcome::Cancelled,
                            StopCause::Drain => Outcome::HandedBack,
                            StopCause::Timeout => Outcome::Failed(Failure::new(FailureKind::Timeout, "too long")),
                        });
                    }
                }
            }
            ["fail", said] => {
                io.log(Stream::Stdout, format!("{said}\n").as_bytes());
                failure = Some(Failure::new(FailureKind::Exit { code: 1 }, "exit code 1"));
            }
            ["spend", model, input, output] => tokens.push(TokenNote {
                model: Some((*model).into()),
                tokens: Tokens { input: input.parse().unwrap(), output: output.parse().unwrap(), cached: 0 },
                cost_micros: None,
            }),
            ["echo", rest @ ..] => {
                told += &format!(": {}", rest.join(" "));
                output = Some(Json::from_value(&Value::from(rest.join(" "))).unwrap());
            }
            other => panic!("{other:?}"),
        }
        self.shop.told.lock().unwrap().push(told);
        let outcome = failure.map_or(Outcome::Success { output }, Outcome::Failed);
        Report { tokens, ..Report::of(outcome) }
    }

    async fn keep(&self, wanted: Wanted, io: Arc<dyn AttemptIo>) -> Result<Vec<Kept>, Unkept> {
        let globs =
            wanted.globs.iter().map(|glob| Glob::parse(glob).map_err(|why| Unkept::failed(format!("`{glob}`: {why}"))));
        let globs: Vec<Glob> = globs.collect::<Result<_, _>>()?;
        let files = self.files.lock().unwrap().clone();
        let files = files.into_iter().filter(|(name, _)| globs.iter().any(|glob| glob.is_match(name)));
        let files: Vec<KeptFile> = files
            .map(|(name, text)| KeptFile {
                content_type: wanted.content_type.clone().unwrap_or_else(|| ork_core::media::of_name(&name).into()),
                name: wanted.name.clone().unwrap_or(name),
                kind: wanted.kind.clone(),
                size: text.len() as u64,
                meta: wanted.meta.clone(),
                is_value: false,
                bytes: Arc::new(text.into_bytes()),
            })
            .collect();
        if files.is_empty() {
            let shown = wanted.globs.iter().map(|glob| format!("`{glob}`")).collect::<Vec<_>>().join(", ");
            return if wanted.optional {
                Ok(Vec::new())
            } else {
                Err(Unkept::failed(format!("no file matches {shown}")))
            };
        }
        io.keep(files).await
    }

    async fn save(&self, parts: &dyn PartSink) -> Result<(u64, String), String> {
        let bytes = serde_json::to_vec(&*self.files.lock().unwrap()).unwrap();
        let count = bytes.len() as u64;
        for piece in bytes.chunks(4) {
            parts.put(piece.to_vec()).await?;
        }
        Ok((count, format!("sum{count}")))
    }

    async fn restore(&self, parts: &dyn PartSource, checksum: &str) -> Result<(), String> {
        let mut bytes = Vec::new();
        for part in 0.. {
            match parts.get(part).await? {
                Some(piece) => bytes.extend(piece),
                None => break,
            }
        }
        assert_eq!(checksum, format!("sum{}", bytes.len()));
        *self.files.lock().unwrap() = serde_json::from_slice(&bytes).unwrap();
        Ok(())
    }

    async fn close(&self) {}
}

/// A model that answers what it was given, one after the other.
#[derive(Clone, Default)]
pub struct Model {
    pub answers: Arc<Mutex<VecDeque<Result<AiAnswer, AiError>>>>,
    pub calls: Arc<Mutex<Vec<AiCall>>>,
    /// It takes so long.
    pub ms: u64,
}

impl Model {
    pub fn of(answers: impl IntoIterator<Item = Result<AiAnswer, AiError>>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }

    pub fn calls(&self) -> usize {
        self.calls.lock().unwrap().len()
    }
}

pub fn answer(text: &str, input: u64, output: u64) -> Result<AiAnswer, AiError> {
    let tokens = Tokens { input, output, cached: 0 };
    Ok(AiAnswer { text: text.into(), value: None, model: "large-2".into(), tokens })
}

#[async_trait]
impl Ai for Model {
    async fn call(&self, call: AiCall, io: &dyn AttemptIo) -> Result<AiAnswer, AiError> {
        self.calls.lock().unwrap().push(call);
        tokio::select! {
            () = sleep(Duration::from_millis(self.ms)) => {}
            _ = io.stopped() => return Err(AiError::Stopped),
        }
        self.answers.lock().unwrap().pop_front().unwrap_or_else(|| answer("again", 1, 1))
    }
}
