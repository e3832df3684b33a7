//! A home for the real binary, and its words without what differs from run to run.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU32, Ordering};

use regex::Regex;
use rustix::process::{Pid, Signal, kill_process};

pub const ORK: &str = env!("CARGO_BIN_EXE_ork");

/// How often something is looked at that must become so: each look is a process.
const LOOKS_MAX: u32 = 2_000;

/// A temporary folder that is `HOME`, with `project/` in it, where commands run.
pub struct Home {
    pub dir: PathBuf,
}

impl Home {
    pub fn new() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        let n = NUMBER.fetch_add(1, Ordering::Relaxed);
        let dir = std::env::temp_dir().join(format!("ork-cli-{}-{n}", std::process::id()));
        fs::create_dir_all(dir.join("project")).unwrap();
        Self { dir }
    }

    pub fn project(&self) -> PathBuf {
        self.dir.join("project")
    }

    /// Writes a file of the project.
    pub fn file(&self, name: &str, text: &str) {
        fs::write(self.project().join(name), text).unwrap();
    }

    /// A program in the project, with nothing of our own environment.
    pub fn program(&self, program: impl AsRef<std::ffi::OsStr>) -> Command {
        let mut command = Command::new(program);
        let ours = Path::new(ORK).parent().unwrap().display();
        let path = format!("{ours}:{}", std::env::var("PATH").unwrap_or_default());
        command.env_clear().env("PATH", path).env("HOME", &self.dir).env("USER", "ada").current_dir(self.project());
        command
    }

    pub fn output(&self, args: &[&str]) -> Output {
        self.program(ORK).args(args).output().unwrap()
    }

    /// Runs `ork`, and shows what it said.
    pub fn ork(&self, args: &[&str]) -> String {
        self.shown(&self.output(args))
    }

    /// Runs `ork` with words that hold no blanks.
    pub fn says(&self, line: &str) -> String {
        self.ork(&line.split(' ').collect::<Vec<_>>())
    }

    /// Standard output as JSON values, one a line.
    pub fn values(&self, line: &str) -> Vec<serde_json::Value> {
        let output = self.output(&line.split(' ').collect::<Vec<_>>());
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|e| panic!("{e}: {line}"))).collect()
    }

    /// Looks again and again until what a command writes as JSON is as it should be.
    pub fn wait_until(&self, line: &str, is_so: impl Fn(&[serde_json::Value]) -> bool) {
        let became_so = (0..LOOKS_MAX).any(|_| is_so(&self.values(line)));
        assert!(became_so, "`{line}` never became so:\n{}", self.says(line));
    }

    /// The id of the newest run.
    pub fn last(&self) -> String {
        self.values("runs list --json --limit 1")[0]["id"].as_str().unwrap().to_owned()
    }

    /// What a process said, masked.
    pub fn shown(&self, output: &Output) -> String {
        let code =
            output.status.code().map_or_else(|| format!("signal {:?}", output.status.signal()), |c| c.to_string());
        let mut shown = format!("exit {code}\n");
        for (name, bytes) in [("stdout", &output.stdout), ("stderr", &output.stderr)] {
            if !bytes.is_empty() {
                shown += &format!("--- {name}\n{}", self.masked(&String::from_utf8_lossy(bytes)));
            }
        }
        shown
    }

    /// Text without ids, times, and what only a slow machine says.
    pub fn masked(&self, text: &str) -> String {
        let mut text = text.replace(&*self.dir.to_string_lossy(), "HOME");
        for (pattern, mask) in MASKS.iter() {
            text = pattern.replace_all(&text, *mask).into_owned();
        }
        let is_slow = |line: &&str| line.starts_with("  started    ");
        let lines: Vec<&str> = text.lines().filter(|line| !is_slow(line)).collect();
        lines.join("\n") + "\n"
    }

    /// Starts `ork` in the background.
    pub fn start(&self, line: &str) -> Background {
        let mut command = self.program(ORK);
        command.args(line.split(' '));
        Self::begin(command)
    }

    /// The same with no more files than this open at once.
    pub fn start_with_files(&self, files: u32, line: &str) -> Background {
        let mut command = self.program("/bin/sh");
        command.args(["-c", &format!("ulimit -n {files} && exec \"$0\" {line}"), ORK]);
        Self::begin(command)
    }

    fn begin(mut command: Command) -> Background {
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let stderr = BufReader::new(child.stderr.take().unwrap());
        Background { child, stderr, said: String::new() }
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.dir).ok();
    }
}

static MASKS: LazyLock<Vec<(Regex, &str)>> = LazyLock::new(|| {
    let id = "[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}";
    let masks = [
        (format!("run_{id}"), "run_ID"),
        (format!("task_{id}"), "task_ID"),
        (format!("worker_{id}"), "worker_ID"),
        (format!("token_{id}"), "token_ID"),
        (format!("ws_{id}"), "ws_ID"),
        (format!("wf_{id}"), "wf_ID"),
        (format!("rev_{id}"), "rev_ID"),
        (format!("bulk_{id}"), "bulk_ID"),
        (format!("endpoint_{id}"), "endpoint_ID"),
        (format!("msg_{id}"), "msg_ID"),
        (format!("gate_{id}"), "gate_ID"),
        (format!("art_{id}"), "art_ID"),
        (r"/uploads/[A-Za-z0-9_-]{100,}".into(), "/uploads/LINK"),
        (r"/links/[A-Za-z0-9_-]{100,}".into(), "/links/LINK"),
        (r"whsec_[A-Za-z0-9+/=]{44}".into(), "whsec_SECRET"),
        (r#"(the key |"key_id": ?")[0-9a-f]{16}\b"#.into(), "${1}KEY"),
        (r"hooks/[a-z2-9]{32}".into(), "hooks/KEY"),
        (r"ork_[a-z2-9]{8}_[a-z2-9]{32}_[a-z2-9]{6}".into(), "ork_SECRET"),
        (r"ork_[a-z2-9]{8}\b".into(), "ork_PREFIX"),
        (r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z".into(), "MOMENT"),
        (r", again (now|in \d+ ms|in \d+\.\d s)".into(), ""),
        (r"last heard of (now|\d+ m?s ago)".into(), "last heard of AGO"),
        (r"\b(\d+ s|\d+ min|\d+ h) ago\b".into(), "AGE"),
        (r"\bnow\b".into(), "AGE"),
        (r"\b\d+ ms\b|\b\d+\.\d s\b|\b\d+ min \d+ s\b".into(), "TIME"),
        (r"\bfor \d+ s\b".into(), "for TIME"),
        (r"ork-run-\d+".into(), "ork-run-PID"),
        (r"on `[^` ]+`, last heard".into(), "on `HOST`, last heard"),
        (r"host `[^`]+`".into(), "host `HOST`"),
    ];
    masks.into_iter().map(|(pattern, mask)| (Regex::new(&pattern).unwrap(), mask)).collect()
});

/// A process in the background. Killed when it is dropped.
pub struct Background {
    child: Child,
    stderr: BufReader<ChildStderr>,
    said: String,
}

impl Background {
    /// Waits for a line of talk with these words, and gives it.
    pub fn wait_for(&mut self, words: &str) -> String {
        loop {
            let mut line = String::new();
            let read = self.stderr.read_line(&mut line).unwrap();
            self.said += &line;
            assert!(read > 0, "it ended without saying `{words}`:\n{}", self.said);
            if line.contains(words) {
                return line;
            }
        }
    }

    /// The next line of data.
    pub fn read_line(&mut self) -> String {
        let stdout = self.child.stdout.as_mut().unwrap();
        let (mut line, mut byte) = (Vec::new(), [0]);
        // Byte by byte: what comes after it is somebody else's.
        while stdout.read(&mut byte).unwrap() == 1 && byte != *b"\n" {
            line.push(byte[0]);
        }
        String::from_utf8(line).unwrap()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn signal(&self, signal: Signal) {
        kill_process(Pid::from_child(&self.child), signal).unwrap();
    }

    /// Kills it as no handler can prevent.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Waits for its end, and shows what it said.
    pub fn end(mut self, home: &Home) -> String {
        let mut stdout = Vec::new();
        self.child.stdout.take().unwrap().read_to_end(&mut stdout).unwrap();
        self.stderr.read_to_string(&mut self.said).unwrap();
        let status = self.child.wait().unwrap();
        home.shown(&Output { status, stdout, stderr: std::mem::take(&mut self.said).into_bytes() })
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
