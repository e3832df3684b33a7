//! Every limit, by name. Over one of them: a clear error and nothing created.

/// Bytes of one inline JSON value: an input, an output, a task's parameters.
pub const VALUE_BYTES_MAX: usize = 1 << 20;
/// Bytes of one workflow file or JSON plan.
pub const SOURCE_BYTES_MAX: usize = 8 << 20;
/// Tasks of one run, fan-out siblings counted.
pub const TASKS_MAX: u32 = 100_000;
/// Dependencies of one plan, counted between keys.
pub const EDGES_MAX: usize = 500_000;
/// Longest chain of dependencies.
pub const DEPTH_MAX: u32 = 1_000;
/// Bytes kept of one attempt's log, both streams together; then a truncation marker.
pub const LOG_BYTES_MAX: u64 = 50 << 20;
/// Bytes kept of one line of a log; then a truncation marker.
pub const LOG_LINE_BYTES_MAX: usize = 64 << 10;
/// Bytes of one piece of a log that is not packed.
pub const LOG_CHUNK_BYTES_MAX: usize = 64 << 10;
/// Bytes of a log that is packed once its attempt is over; a smaller one stays as it was stored.
pub const LOG_PACK_BYTES_MIN: u64 = 16 << 10;
/// Bytes of one part of a packed log, before it is packed.
pub const LOG_PART_BYTES_MAX: usize = 1 << 20;
/// Bytes of a log whose parts stay in the database, before they are packed; those of a larger one go to the artifact store, if there
/// is one.
pub const LOG_INLINE_BYTES_MAX: u64 = 4 << 20;
/// Lines of a log that one answer holds.
pub const LOG_LINES_MAX: u32 = 1_000;
/// Bytes of what is looked for in a log.
pub const LOG_PATTERN_BYTES_MAX: usize = 1 << 10;
/// Levels of nesting in a JSON value.
pub const JSON_DEPTH_MAX: usize = 64;
/// Bytes of a name: a workflow, a task key, a queue.
pub const NAME_BYTES_MAX: usize = 128;
/// Bytes of a filter for lists.
pub const FILTER_BYTES_MAX: usize = 8 << 10;
/// Rows of one page of a listing.
pub const PAGE_MAX: u32 = 200;
/// Queues that are paused in one workspace.
pub const PAUSES_MAX: u32 = 100;
/// Secrets of one workspace.
pub const SECRETS_MAX: u32 = 1_000;
/// Bytes of a secret.
pub const SECRET_BYTES_MAX: usize = 64 << 10;
/// Characters of a secret at least: shorter ones could not be masked.
pub const SECRET_CHARS_MIN: usize = 8;
/// Schedules of one workspace.
pub const SCHEDULES_MAX: u32 = 1_000;
/// Times that a schedule makes up for at the most.
pub const CATCH_UP_MAX: usize = 100;
/// Days that a run is kept after its end, where its workspace says nothing else.
pub const KEEP_DAYS: u32 = 30;
/// Endpoints of one workspace that are told of its runs.
pub const ENDPOINTS_MAX: u32 = 20;
/// Hooks of one workspace.
pub const HOOKS_MAX: u32 = 100;
/// Bytes of a hook's name: with the id of a message it is the name of a run.
pub const HOOK_NAME_BYTES_MAX: usize = 100;
/// Bytes of a secret that messages are signed with, as it is written.
pub const WEBHOOK_SECRET_BYTES_MAX: usize = 256;
/// Bytes of an answer to a message that are kept.
pub const DELIVERY_RESPONSE_BYTES_MAX: usize = 1 << 10;
/// Attempts of a message that are kept.
pub const DELIVERY_TRIES_MAX: usize = 20;
/// Tasks of one claim or one settle.
pub const BATCH_MAX: usize = 1_000;
/// Attempts that a retry policy may ask for.
pub const ATTEMPTS_MAX: u32 = 1_000;
/// Lost workers before a task is quarantined.
pub const LOST_MAX: u32 = 3;
/// Bytes of an error message that is kept.
pub const MESSAGE_BYTES_MAX: usize = 16 << 10;
/// Labels of one run.
pub const LABELS_MAX: usize = 64;
/// Bytes of a label's value.
pub const LABEL_BYTES_MAX: usize = 1024;

/// Bytes of a client's own name for a run.
pub const EXTERNAL_ID_BYTES_MAX: usize = 256;
/// Bytes of the body of a request.
pub const REQUEST_BYTES_MAX: usize = 8 << 20;

/// Events that a bot writes at once.
pub const EVENTS_MAX: usize = 100;
/// Bytes of what a bot's event has to say.
pub const EVENT_BYTES_MAX: usize = 64 << 10;
/// Events of bots of one run.
pub const BOT_EVENTS_MAX: u32 = 100_000;

/// Event streams that a server has open at once.
pub const STREAMS_MAX: usize = 1_000;
/// Topics of one event stream.
pub const TOPICS_MAX: usize = 20;

/// Steps of one task.
pub const STEPS_MAX: usize = 100;
/// Rounds of execution and validation of one attempt.
pub const ROUNDS_MAX: u32 = 100;
/// Tries of one step.
pub const TRIES_MAX: u32 = 100;
/// How long the cleanup of one attempt may take, in milliseconds.
pub const CLEANUP_MS_MAX: u64 = 300_000;
/// Bytes of a folder that is saved, as an archive.
pub const WORK_BYTES_MAX: u64 = 1 << 30;
/// Bytes of one part of it.
pub const WORK_PART_BYTES_MAX: usize = 1 << 20;
/// Prompts of one workspace.
pub const PROMPTS_MAX: u32 = 1_000;
/// Bytes of one prompt.
pub const PROMPT_BYTES_MAX: usize = 256 << 10;
/// Variables of one prompt.
pub const PROMPT_VARIABLES_MAX: usize = 100;
/// Models of one workspace that have a price.
pub const PRICES_MAX: u32 = 1_000;
/// Tokens that an answer of a model may be allowed.
pub const AI_TOKENS_MAX: u32 = 1_000_000;
/// Bytes of one answer of a model.
pub const AI_ANSWER_BYTES_MAX: usize = 8 << 20;
/// Bytes of a comment on a decision.
pub const COMMENT_BYTES_MAX: usize = 4 << 10;

/// Bytes of an artifact's name.
pub const ARTIFACT_NAME_BYTES_MAX: usize = 1 << 10;
/// Bytes of one artifact.
pub const ARTIFACT_BYTES_MAX: u64 = 1 << 36;
/// Artifacts of one run.
pub const ARTIFACTS_MAX: u32 = 100_000;
/// Files that one attempt or one step can keep.
pub const KEPT_FILES_MAX: usize = 1_000;
/// Bytes of an artifact's `meta`.
pub const ARTIFACT_META_BYTES_MAX: usize = 16 << 10;
/// Bytes of the address of an artifact elsewhere.
pub const ARTIFACT_URL_BYTES_MAX: usize = 4 << 10;
/// Bytes of a value that becomes an artifact because it is too large to be kept inline.
pub const LARGE_VALUE_BYTES_MAX: u64 = 1 << 30;
/// How long bytes that no artifact names are kept, in milliseconds: an upload must be over by then.
pub const UPLOAD_MS_MAX: u64 = 86_400_000;

/// Whether `name` may name a workflow, a task, a queue or a label: 1 to 128 bytes of `[A-Za-z0-9._-]`.
#[must_use]
pub fn is_name(name: &str) -> bool {
    !name.is_empty()
        && name.len() <= NAME_BYTES_MAX
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
}
