//! One server of S3's protocol for all tests of this binary, which ends with it.

use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use ork_http::{Answer, Call, Limits, Reach, Transport};

/// Runs the server until its own input ends, which is when this process does, however it ends.
const KEEPER: &str = r#"
"$1" -H 127.0.0.1 -p "$2" >/dev/null 2>&1 & server=$!
trap 'kill $server' EXIT
echo started
cat >/dev/null
"#;

pub struct Moto {
    pub endpoint: String,
    _keeper: Child,
    _lifeline: ChildStdin,
}

impl Moto {
    /// The server; `None` when there is none, which is said.
    pub fn find() -> Option<&'static Self> {
        static MOTO: OnceLock<Option<Moto>> = OnceLock::new();
        MOTO.get_or_init(Self::start).as_ref()
    }

    fn start() -> Option<Self> {
        let program = std::env::var("ORK_TEST_S3").ok().filter(|program| !program.is_empty());
        assert!(
            program.is_some() || std::env::var("CI").as_deref() != Ok("true"),
            "ORK_TEST_S3 is not set, and in CI nothing is skipped"
        );
        let Some(program) = program else {
            println!("skipped: ORK_TEST_S3 is not set");
            return None;
        };
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let mut keeper = Command::new("/bin/sh");
        keeper.args(["-c", KEEPER, "keeper", &program, &port.to_string()]).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut keeper = keeper.spawn().unwrap();
        let mut said = String::new();
        BufReader::new(keeper.stdout.take().unwrap()).read_line(&mut said).unwrap();
        assert_eq!(said, "started\n");
        let lifeline = keeper.stdin.take().unwrap();
        Some(Self { endpoint: format!("http://127.0.0.1:{port}"), _keeper: keeper, _lifeline: lifeline })
    }

    /// Makes a bucket of its own for a test, and answers its name.
    pub async fn bucket(&self) -> String {
        static COUNTER: AtomicU64 = AtomicU64::new(0);
        let name = format!("bucket-{}", COUNTER.fetch_add(1, Ordering::SeqCst));
        // It needs some seconds to start; nobody tells when it has.
        for _ in 0..600 {
            let made = self.call("PUT", &format!("/{name}"), b"").await;
            if made.is_some_and(|answer| answer.status == 200) {
                return name;
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        panic!("moto does not start");
    }

    /// Asks for something as itself, past the code that is tested.
    pub async fn call(&self, method: &str, path: &str, body: &[u8]) -> Option<Answer> {
        let headers = vec![(
            "authorization".into(),
            "AWS4-HMAC-SHA256 Credential=ada/20260101/us-east-1/s3/aws4_request, SignedHeaders=host, Signature=0"
                .into(),
        )];
        let call =
            Call { method: method.into(), url: format!("{}{path}", self.endpoint), headers, body: body.to_vec() };
        let limits = Limits { time: Duration::from_secs(30), bytes: 16 << 20 };
        Transport::new(Reach::Anyone).call(call, limits).await.ok()
    }

    /// As [`Self::call`], when it must answer with success.
    pub async fn ask(&self, method: &str, path: &str, body: &[u8]) -> String {
        let answer = self.call(method, path, body).await.unwrap();
        assert!((200..300).contains(&answer.status), "{method} {path}: {answer:?}");
        String::from_utf8(answer.body).unwrap()
    }
}
