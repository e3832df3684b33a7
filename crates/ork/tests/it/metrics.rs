//! What a server counts.

use crate::http::Server;
use crate::server::{GOOD, on_both, submit, wait};

#[test]
fn metrics_count_requests_attempts_and_queues() {
    on_both(|home, at| {
        let server = Server::start(home, at);
        wait(home, at, &submit(&server, GOOD));
        submit(&server, "name: late\ntasks:\n  a: {operation: nobody, queue: night}\n");
        server.get("/nowhere/run_secret");
        let answer = server.get("/metrics");
        assert_eq!(answer.status, 200);
        let kind = answer.header("content-type").unwrap();
        assert!(kind.starts_with("application/openmetrics-text; version=1.0.0"), "{kind}");
        for line in [
            "ork_attempts_total{outcome=\"success\"} 1.0",
            "ork_http_requests_total{method=\"POST\",route=\"/api/v1/runs\",status=\"202\"} 2",
            "ork_http_requests_total{method=\"GET\",route=\"none\",status=\"404\"} 1",
            "ork_queue_tasks{queue=\"night\",state=\"queued\"} 1.0",
            "ork_worker_running 0.0",
            "ork_worker_unsettled 0.0",
        ] {
            assert!(answer.body.lines().any(|said| said == line), "{line}\n{}", answer.body);
        }
        assert!(!answer.body.contains("run_"), "no ids as labels\n{}", answer.body);
        assert!(answer.body.ends_with("# EOF\n"));
    });
}
