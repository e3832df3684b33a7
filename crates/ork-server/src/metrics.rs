//! Metrics in the OpenMetrics text format: base units, and no label whose values grow with the work.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::AtomicU64;

use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::{Histogram, exponential_buckets};
use prometheus_client::registry::{Registry, Unit};

/// The kind of what [`Metrics::text`] gives.
pub const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// In front of every name.
const PREFIX: &str = "ork";
/// Methods that are told apart.
const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

type Labels = Vec<(&'static str, String)>;

/// A number that somebody else keeps.
#[derive(Debug, Clone)]
pub struct Figure {
    /// Its name, without `ork_` and without `_total`.
    pub name: &'static str,
    /// What it counts.
    pub help: &'static str,
    /// It only grows.
    pub is_counter: bool,
    /// What tells it from others of its name.
    pub labels: Labels,
    /// How much it is.
    pub value: f64,
}

impl Figure {
    /// Something that comes and goes.
    #[must_use]
    #[allow(clippy::cast_precision_loss, reason = "nobody has 2^53 tasks")]
    pub fn gauge(name: &'static str, help: &'static str, value: usize) -> Self {
        Self { name, help, is_counter: false, labels: Vec::new(), value: value as f64 }
    }

    /// Something that has happened so often.
    #[must_use]
    pub fn counter(name: &'static str, help: &'static str, value: u64) -> Self {
        let value = usize::try_from(value).unwrap_or(usize::MAX);
        Self { is_counter: true, ..Self::gauge(name, help, value) }
    }

    /// The same, of something.
    #[must_use]
    pub fn of(mut self, label: &'static str, value: impl Into<String>) -> Self {
        self.labels.push((label, value.into()));
        self
    }
}

/// What a server counts, and what others count for it.
pub struct Metrics {
    registry: Registry,
    requests: Family<Labels, Counter>,
    seconds: Family<Labels, Histogram>,
    others: OnceLock<Box<dyn Fn() -> Vec<Figure> + Send + Sync>>,
}

impl Metrics {
    /// Nothing has happened yet.
    #[must_use]
    pub fn new(version: &'static str) -> Self {
        let mut registry = Registry::with_prefix(PREFIX);
        let build: Family<Labels, Gauge> = Family::default();
        build.get_or_create(&vec![("version", version.to_owned())]).set(1);
        registry.register("build", "The version of Ork, with the value 1", build);
        let requests = Family::default();
        registry.register("http_requests", "Requests that were answered", requests.clone());
        // 1 ms to 16 s.
        let seconds: Family<Labels, Histogram> =
            Family::new_with_constructor(|| Histogram::new(exponential_buckets(0.001, 2.0, 15)));
        let help = "Time until the answer of a request began";
        registry.register_with_unit("http_request_duration", help, Unit::Seconds, seconds.clone());
        Self { registry, requests, seconds, others: OnceLock::new() }
    }

    /// Says who else counts. The first one stays.
    pub fn with(&self, others: impl Fn() -> Vec<Figure> + Send + Sync + 'static) {
        // A second one would be a server with two engines, which there is not.
        let _ = self.others.set(Box::new(others));
    }

    /// A request was answered.
    pub fn answered(&self, method: &str, route: Option<&str>, status: u16, seconds: f64) {
        let method = METHODS.iter().find(|known| **known == method).map_or("other", |known| known);
        let route = route.unwrap_or("none");
        let labels = |status: Option<u16>| {
            let mut labels = vec![("method", method.to_owned()), ("route", route.to_owned())];
            labels.extend(status.map(|status| ("status", status.to_string())));
            labels
        };
        self.requests.get_or_create(&labels(Some(status))).inc();
        self.seconds.get_or_create(&labels(None)).observe(seconds);
    }

    /// All of it, with what was read for this answer.
    pub fn text(&self, read: Vec<Figure>) -> String {
        let mut text = String::new();
        let mut figures = read;
        figures.extend(self.others.get().map(|others| others()).unwrap_or_default());
        // Writing to a string does not fail.
        let _ = encode_registry(&mut text, &self.registry);
        let _ = encode_registry(&mut text, &registry_of(figures));
        text + "# EOF\n"
    }
}

fn registry_of(figures: Vec<Figure>) -> Registry {
    let mut registry = Registry::with_prefix(PREFIX);
    let mut by_name: BTreeMap<&str, Vec<Figure>> = BTreeMap::new();
    for figure in figures {
        by_name.entry(figure.name).or_default().push(figure);
    }
    for (name, figures) in by_name {
        let (help, is_counter) = (figures[0].help, figures[0].is_counter);
        let counters: Family<Labels, Counter<f64, AtomicU64>> = Family::default();
        let gauges: Family<Labels, Gauge<f64, AtomicU64>> = Family::default();
        for figure in figures {
            if is_counter {
                counters.get_or_create(&figure.labels).inc_by(figure.value);
            } else {
                gauges.get_or_create(&figure.labels).set(figure.value);
            }
        }
        if is_counter { registry.register(name, help, counters) } else { registry.register(name, help, gauges) }
    }
    registry
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_text_is_that_of_openmetrics() {
        let metrics = Metrics::new("1.2.3");
        metrics.answered("GET", Some("/api/v1/runs/{id}"), 200, 0.0015);
        metrics.answered("BREW", None, 405, 0.1);
        metrics.with(|| vec![Figure::counter("attempts", "Attempts that ended", 3).of("outcome", "success")]);
        let queue = |queue: &str, tasks| Figure::gauge("queue_tasks", "Tasks in a queue", tasks).of("queue", queue);
        let text = metrics.text(vec![queue("default", 2), queue("a\"b\n", 0)]);
        let lines: Vec<&str> = text.lines().collect();
        for line in [
            "ork_build{version=\"1.2.3\"} 1",
            "ork_http_requests_total{method=\"GET\",route=\"/api/v1/runs/{id}\",status=\"200\"} 1",
            "ork_http_requests_total{method=\"other\",route=\"none\",status=\"405\"} 1",
            "ork_http_request_duration_seconds_bucket{le=\"0.002\",method=\"GET\",route=\"/api/v1/runs/{id}\"} 1",
            "# TYPE ork_attempts counter",
            "ork_attempts_total{outcome=\"success\"} 3.0",
            "ork_queue_tasks{queue=\"default\"} 2.0",
            "ork_queue_tasks{queue=\"a\\\"b\\n\"} 0.0",
        ] {
            assert!(lines.contains(&line), "{line}\n{text}");
        }
        assert!(text.ends_with("\n# EOF\n") && text.matches("# EOF").count() == 1);
    }
}
