//! Which keys each mapping of a file has. The reader, its suggestions and the JSON Schema all take them from here.

/// The keys of one kind of mapping.
pub struct Table {
    /// Keys that this build understands.
    pub keys: &'static [&'static str],
    /// Keys of the format that this build cannot run yet.
    pub later: &'static [&'static str],
    /// What people write who come from other tools, and what to tell them; also what to do without a later key.
    pub foreign: &'static [(&'static str, &'static str)],
}

const SECRETS: &str =
    "remove it: `ork secrets set NAME` keeps one, and `{{ secrets.NAME }}` in `env` or `with` reads it";
const ARTIFACTS: &str = "remove it: what a task leaves in $ORK_ARTIFACTS is kept, and so is what a step `artifact: {path: \"out/*\"}` names";
const CONTAINER: &str = "remove it: `command` and `run` run on the machine itself";

/// The file itself.
pub const WORKFLOW: Table = Table {
    keys: &[
        "name",
        "description",
        "inputs",
        "labels",
        "priority",
        "retry",
        "timeout",
        "on_failure",
        "concurrency",
        "webhook",
        "budget",
        "env",
        "schedule",
        "tasks",
        "result",
    ],
    later: &["secrets", "artifacts", "container", "image"],
    foreign: &[
        ("secrets", SECRETS),
        ("artifacts", ARTIFACTS),
        ("container", CONTAINER),
        ("image", CONTAINER),
        ("jobs", "write `tasks`"),
        ("steps", "write `tasks`: each step is a task with a name, or one of the `steps` of a task"),
        ("on", "a run begins with `ork run`, or by `schedule: {cron: …}` of a stored workflow"),
        ("version", "remove it: the format has no version"),
        ("parameters", "write `inputs`"),
        ("params", "write `inputs`"),
        ("vars", "write `inputs`, or `env`"),
        ("variables", "write `inputs`, or `env`"),
        ("environment", "write `env`"),
        ("outputs", "write `result`"),
        ("output", "write `result`"),
        ("retries", "write `retry: {max_attempts: 3}`"),
        ("cron", "write `schedule: {cron: …}`"),
        ("fail_fast", "write `on_failure: stop`, or `continue`"),
    ],
};

/// A task.
pub const TASK: Table = Table {
    keys: &[
        "depends_on",
        "command",
        "run",
        "executor",
        "with",
        "operation",
        "queue",
        "params",
        "env",
        "workdir",
        "count",
        "each",
        "when",
        "run_if",
        "retry",
        "timeout",
        "priority",
        "concurrency",
        "output",
        "at_most_once",
        "steps",
        "rounds",
    ],
    later: &["isolation", "secrets", "artifacts", "container", "image"],
    foreign: &[
        ("secrets", SECRETS),
        ("artifacts", ARTIFACTS),
        ("container", CONTAINER),
        ("image", CONTAINER),
        ("description", "write it as a comment: `# …`"),
        ("needs", "write `depends_on`"),
        ("requires", "write `depends_on`"),
        ("after", "write `depends_on`"),
        ("deps", "write `depends_on`"),
        ("dependencies", "write `depends_on`"),
        ("dependsOn", "write `depends_on`"),
        ("script", "write `run`"),
        ("shell", "a script under `run` is for `/bin/sh -e`; for another shell write `command: [bash, -c, \"…\"]`"),
        ("bash", "write `run`"),
        ("cmd", "write `command`"),
        ("exec", "write `command`"),
        ("args", "write program and arguments as one list: `command: [program, argument]`"),
        ("uses", "Ork has no actions: write `command` or `run`"),
        ("if", "write `when`"),
        ("condition", "write `when`"),
        ("environment", "write `env`"),
        ("retries", "write `retry: {max_attempts: 3}`"),
        ("max_retries", "write `retry: {max_attempts: 3}`"),
        ("max_attempts", "write `retry: {max_attempts: 3}`"),
        ("matrix", "write `each: [a, b]`, and read `task.item`"),
        ("foreach", "write `each`"),
        ("for_each", "write `each`"),
        ("loop", "write `each`"),
        ("items", "write `each`"),
        ("replicas", "write `count`"),
        ("parallel", "write `count`"),
        ("cwd", "write `workdir`"),
        ("working_dir", "write `workdir`"),
        ("working_directory", "write `workdir`"),
        ("working-directory", "write `workdir`"),
        ("outputs", "write `output: stdout_json`, or let the task write its output to the file $ORK_OUTPUT"),
        ("type", "write `operation`"),
        ("name", "remove it: the key above it is the task's name"),
        ("inputs", "inputs belong to the whole file; a task takes `params`"),
        ("parameters", "write `params`"),
        ("continue-on-error", "write `on_failure: continue` at the top of the file"),
        ("continue_on_error", "write `on_failure: continue` at the top of the file"),
        (
            "on_failure",
            "`on_failure` belongs to the whole file; for a task that runs after a failure write `run_if: failed`",
        ),
    ],
};

/// `retry`.
pub const RETRY: Table = Table {
    keys: &["max_attempts", "delay", "factor", "max_delay", "jitter", "retry_on"],
    later: &[],
    foreign: &[
        ("attempts", "write `max_attempts`, which counts the first attempt too"),
        ("limit", "write `max_attempts`, which counts the first attempt too"),
        ("count", "write `max_attempts`, which counts the first attempt too"),
        ("retries", "write `max_attempts`, which counts the first attempt too"),
        ("max_retries", "write `max_attempts`, which counts the first attempt too"),
        ("backoff", "write `delay` and `factor`"),
    ],
};

/// One input.
pub const INPUT: Table = Table {
    keys: &["type", "required", "default", "enum", "minimum", "maximum", "pattern", "description"],
    later: &[],
    foreign: &[
        ("min", "write `minimum`"),
        ("max", "write `maximum`"),
        ("options", "write `enum`"),
        ("choices", "write `enum`"),
        ("values", "write `enum`"),
        ("regex", "write `pattern`"),
        ("optional", "leave it out: an input is optional unless `required: true`"),
    ],
};

/// `concurrency`.
pub const CONCURRENCY: Table =
    Table { keys: &["key", "limit"], later: &[], foreign: &[("group", "write `key`"), ("max", "write `limit`")] };

/// `schedule`.
pub const SCHEDULE: Table = Table {
    keys: &["cron", "timezone", "input", "overlap", "catch_up"],
    later: &[],
    foreign: &[
        ("tz", "write `timezone`"),
        ("time_zone", "write `timezone`"),
        ("inputs", "write `input`"),
        ("catchup", "write `catch_up`"),
        ("every", "write it as `cron`: `*/15 * * * *` is every 15 minutes"),
        ("interval", "write it as `cron`: `*/15 * * * *` is every 15 minutes"),
        ("enabled", "remove it: `ork schedules disable NAME`"),
    ],
};

/// `webhook`.
pub const WEBHOOK: Table = Table {
    keys: &["url", "secret", "events", "format"],
    later: &[],
    foreign: &[
        ("webhookUrl", "write `url`"),
        ("webhookSecret", "write `secret`"),
        ("on", "write `events`"),
        ("event", "write `events: [run.finished]`"),
        ("headers", "messages are signed instead: write `secret`"),
        ("token", "messages are signed instead: write `secret`"),
    ],
};

/// A step of a task.
pub const STEP: Table = Table {
    keys: &[
        "name",
        "phase",
        "run",
        "command",
        "ai",
        "gate",
        "artifact",
        "when",
        "timeout",
        "retry",
        "continue_on_error",
        "env",
    ],
    later: &[],
    foreign: &[
        ("artifacts", "write `artifact: {path: \"out/*.mp4\"}`"),
        ("keep", "write `artifact: {path: \"out/*.mp4\"}`"),
        ("upload", "write `artifact: {path: \"out/*.mp4\"}`"),
        ("id", "write `name`"),
        ("type", "remove it: `command`, `run`, `ai`, `gate` or `artifact` says what the step does"),
        ("depends_on", "remove it: steps run in the order in which they stand"),
        ("needs", "remove it: steps run in the order in which they stand"),
        ("if", "write `when`"),
        ("uses", "Ork has no actions: write `command` or `run`"),
        ("script", "write `run`"),
        ("shell", "a script under `run` is for `/bin/sh -e`; for another shell write `command: [bash, -c, \"…\"]`"),
        ("cmd", "write `command`"),
        ("args", "write program and arguments as one list: `command: [program, argument]`"),
        ("prompt", "write `ai: {prompt: ID, model: NAME, max_tokens: 1000}`"),
        ("model", "write `ai: {prompt: ID, model: NAME, max_tokens: 1000}`"),
        ("condition", "write `gate: {condition: …}`; for a step that may be left out write `when`"),
        ("approval", "write `gate: {approval: {role: operator}}`"),
        ("environment", "write `env`"),
        ("retries", "write `retry: {max_attempts: 3}`"),
        ("max_attempts", "write `retry: {max_attempts: 3}`"),
        ("continue-on-error", "write `continue_on_error`"),
        ("on_failure", "for a step whose failure is not the attempt's write `continue_on_error: true`"),
        ("workdir", "it belongs to the task, and holds for all of its steps"),
        ("output", "it belongs to the task, and holds for all of its steps"),
        ("params", "they belong to the task: each of its steps finds them in $ORK_PARAMS"),
        ("with", "`params` belong to the task: each of its steps finds them in $ORK_PARAMS"),
        ("rounds", "it belongs to the task"),
        ("steps", "steps have no steps of their own"),
    ],
};

/// `ai` of a step.
pub const AI: Table = Table {
    keys: &[
        "prompt",
        "text",
        "system",
        "vars",
        "model",
        "api",
        "base_url",
        "key",
        "max_tokens",
        "temperature",
        "schema",
        "budget",
    ],
    later: &[],
    foreign: &[
        ("messages", "write `system` and `text`"),
        ("user", "write `text`"),
        ("variables", "write `vars`"),
        ("inputs", "write `vars`"),
        ("provider", "write `api: openai`, or `anthropic`"),
        ("url", "write `base_url`"),
        ("endpoint", "write `base_url`"),
        ("api_key", "write `key: \"{{ secrets.NAME }}\"`"),
        ("token", "write `key: \"{{ secrets.NAME }}\"`"),
        ("response_format", "write `schema`"),
        ("json_schema", "write `schema`"),
        ("output", "write `schema`"),
        ("retry", "it belongs to the step, beside `ai`"),
        ("timeout", "it belongs to the step, beside `ai`"),
    ],
};

/// `gate` of a step.
pub const GATE: Table = Table {
    keys: &["command", "run", "condition", "approval"],
    later: &[],
    foreign: &[
        ("when", "write `condition`"),
        ("if", "write `condition`"),
        ("expression", "write `condition`"),
        ("script", "write `run`"),
        ("manual", "write `approval: {role: operator}`"),
        ("role", "write `approval: {role: operator}`"),
    ],
};

/// `artifact` of a step.
pub const ARTIFACT: Table = Table {
    keys: &["path", "url", "name", "kind", "content_type", "size", "checksum", "meta", "optional"],
    later: &[],
    foreign: &[
        ("paths", "write `path: [a, b]`"),
        ("file", "write `path`"),
        ("files", "write `path: [a, b]`"),
        ("glob", "write `path`: it is a pattern"),
        ("pattern", "write `path`: it is a pattern"),
        ("type", "write `kind`, in a word of your own, or `content_type`"),
        ("mime", "write `content_type`"),
        ("mime_type", "write `content_type`"),
        ("metadata", "write `meta`"),
        ("sha256", "write `checksum`"),
        ("bytes", "write `size`"),
        ("required", "a file must match, unless `optional: true`"),
        ("if-no-files-found", "a file must match, unless `optional: true`"),
    ],
};

/// `approval` of a gate.
pub const APPROVAL: Table = Table {
    keys: &["role", "expires", "on_expiry", "allow_self", "message"],
    later: &[],
    foreign: &[
        ("timeout", "write `expires`"),
        ("on_timeout", "write `on_expiry`"),
        ("description", "write `message`"),
        ("text", "write `message`"),
        ("approvers", "write `role`: whoever has it may decide"),
        ("users", "write `role`: whoever has it may decide"),
    ],
};

/// `budget` of a file.
pub const BUDGET: Table = Table {
    keys: &["tokens", "usd", "on_exceeded"],
    later: &[],
    foreign: &[
        ("max_tokens", "write `tokens`"),
        ("dollars", "write `usd`"),
        ("cost", "write `usd`"),
        ("on_exceed", "write `on_exceeded`"),
    ],
};

/// `budget` of `ai`.
pub const ALLOWANCE: Table = Table {
    keys: &["tokens", "usd"],
    later: &[],
    foreign: &[
        ("max_tokens", "write `tokens`"),
        ("dollars", "write `usd`"),
        ("cost", "write `usd`"),
        ("on_exceeded", "it belongs to the `budget` of the file; a step that exceeds its own fails"),
    ],
};

/// A plan of the older JSON form, `{"jobs": […]}`.
pub const PLAN: Table = Table {
    keys: &["jobs", "name", "result", "baseExecutionId"],
    later: &[],
    foreign: &[("tasks", "write `jobs`, or name the tasks as keys of `tasks`")],
};
/// A job of such a plan.
pub const JOB: Table = Table {
    keys: &["id", "type", "operation", "params", "dependsOn", "dependencies", "output"],
    later: &[],
    foreign: &[("depends_on", "write `dependsOn`"), ("needs", "write `dependsOn`"), ("name", "write `id`")],
};

/// All of them.
pub const TABLES: [&Table; 16] = [
    &WORKFLOW,
    &TASK,
    &RETRY,
    &INPUT,
    &CONCURRENCY,
    &SCHEDULE,
    &WEBHOOK,
    &STEP,
    &AI,
    &GATE,
    &ARTIFACT,
    &APPROVAL,
    &BUDGET,
    &ALLOWANCE,
    &PLAN,
    &JOB,
];

/// Executors of this build.
pub const EXECUTORS: [&str; 2] = ["process", "worker"];
/// Executors of the format that this build does not have.
pub const EXECUTORS_LATER: [&str; 5] = ["container", "kubernetes", "cloudrun", "runpod", "http"];
/// Events of `webhook`.
pub const WEBHOOK_EVENTS: [&str; 3] = ["run.started", "run.finished", "task.finished"];
/// Values of `format` of `webhook`, in the order of [`ork_core::webhook::Format::ALL`].
pub const WEBHOOK_FORMATS: [&str; 2] = ["standard", "execution"];
/// Values of `on_failure`.
pub const ON_FAILURE: [&str; 2] = ["stop", "continue"];
/// Values of `run_if`.
pub const RUN_IF: [&str; 2] = ["always", "failed"];
/// Values of `output`.
pub const OUTPUT: [&str; 3] = ["file", "stdout", "stdout_json"];
/// Values of `overlap`.
pub const OVERLAP: [&str; 3] = ["skip", "queue", "allow"];
/// Values of `catch_up`.
pub const CATCH_UP: [&str; 3] = ["none", "latest", "all"];
/// Values of `phase`, in the order in which phases follow each other.
pub const PHASES: [&str; 4] = ["setup", "execution", "validation", "cleanup"];
/// Values of `api`.
pub const AI_APIS: [&str; 2] = ["openai", "anthropic"];
/// Values of `role`: those who may decide, from the least.
pub const DECIDERS: [&str; 3] = ["operator", "editor", "admin"];
/// Values of `on_expiry`.
pub const ON_EXPIRY: [&str; 3] = ["reject", "approve", "hold"];
/// Values of `on_exceeded`.
pub const ON_EXCEEDED: [&str; 2] = ["fail", "gate"];
/// Types of inputs.
pub const TYPES: [&str; 6] = ["string", "integer", "number", "boolean", "array", "object"];
