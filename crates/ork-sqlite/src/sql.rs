//! Every statement, by noun and verb. The texts live in `sql/`, one statement a file.
macro_rules! statements {
    ($($noun:ident { $($name:ident = $path:literal),* $(,)? })*) => {
        $(pub mod $noun { $(pub const $name: &str = include_str!(concat!("../sql/", $path, ".sql"));)* })*
        #[cfg(test)]
        pub const ALL: &[(&str, &str)] = &[$($(($path, $noun::$name),)*)*];
    };
}

statements! {
    artifacts {
        COUNT = "artifacts/count",
        GET = "artifacts/get",
        INSERT = "artifacts/insert",
        LIST = "artifacts/list",
        LIST_OF_RUN = "artifacts/list_of_run",
        LIST_OF_TASK = "artifacts/list_of_task",
        LIST_OF_WORKSPACE = "artifacts/list_of_workspace",
        OF_RUN = "artifacts/of_run",
    }
    attempts {
        INSERT = "attempts/insert",
        OF_TASK = "attempts/of_task",
    }
    blobs {
        DOOM = "blobs/doom",
        FORGET = "blobs/forget",
        GET = "blobs/get",
        NOTE = "blobs/note",
        TAKE = "blobs/take",
    }
    budgets {
        DELETE = "budgets/delete",
        LIST = "budgets/list",
        SET = "budgets/set",
        UPDATE = "budgets/update",
    }
    bulk {
        ADVANCE = "bulk/advance",
        BY_EXTERNAL_ID = "bulk/by_external_id",
        CANCEL = "bulk/cancel",
        GET = "bulk/get",
        INSERT = "bulk/insert",
        LIST = "bulk/list",
        RUNNING = "bulk/running",
    }
    deliveries {
        ADDRESSEES = "deliveries/addressees",
        AGAIN = "deliveries/again",
        AGAIN_FAILED = "deliveries/again_failed",
        DUE = "deliveries/due",
        DUE_OF_RUN = "deliveries/due_of_run",
        GET = "deliveries/get",
        INSERT = "deliveries/insert",
        LIST = "deliveries/list",
        NEXT = "deliveries/next",
        NOTE = "deliveries/note",
        TAKE = "deliveries/take",
    }
    endpoints {
        CHANGE = "endpoints/change",
        DELETE = "endpoints/delete",
        GET = "endpoints/get",
        GONE = "endpoints/gone",
        INSERT = "endpoints/insert",
        LIST = "endpoints/list",
        RESEAL = "endpoints/reseal",
        ROTATE = "endpoints/rotate",
    }
    duties {
        HOLD = "duties/hold",
    }
    event_requests {
        GET = "event_requests/get",
        INSERT = "event_requests/insert",
    }
    evaluations {
        DROP = "evaluations/drop",
        DROP_UNSPARED = "evaluations/drop_unspared",
        INSERT = "evaluations/insert",
        LIST = "evaluations/list",
        OF_RUN = "evaluations/of_run",
    }
    events {
        INSERT = "events/insert",
        LIST = "events/list",
        SHORTAGE = "events/shortage",
    }
    feed {
        HEAD = "feed/head",
        LAST_NUMBER = "feed/last_number",
        LIST = "feed/list",
        TAKE_NUMBERS = "feed/take_numbers",
    }
    gates {
        CLOSE = "gates/close",
        EXPIRED = "gates/expired",
        GET = "gates/get",
        INSERT = "gates/insert",
        LIST = "gates/list",
        LIST_OF_RUN = "gates/list_of_run",
        LIST_OPEN = "gates/list_open",
        NEXT_EXPIRY = "gates/next_expiry",
        OF_ATTEMPT = "gates/of_attempt",
        OF_RUN = "gates/of_run",
        OPEN = "gates/open",
    }
    groups {
        ALL = "groups/all",
        GET = "groups/get",
        INSERT = "groups/insert",
        RANGE = "groups/range",
        LIST = "groups/list",
        UPDATE = "groups/update",
    }
    heads {
        ANCHOR = "heads/anchor",
        COUNT_BOT_EVENTS = "heads/count_bot_events",
        GET = "heads/get",
        INSERT = "heads/insert",
        SEAL = "heads/seal",
        UPDATE = "heads/update",
    }
    hooks {
        BY_KEY = "hooks/by_key",
        DELETE = "hooks/delete",
        INSERT = "hooks/insert",
        LIST = "hooks/list",
        RESEAL = "hooks/reseal",
    }
    lanes {
        LIST = "lanes/list",
    }
    leases {
        CANCELLED = "leases/cancelled",
        CLAIMED = "leases/claimed",
        INSERT = "leases/insert",
        OF_RUN = "leases/of_run",
        OF_TASK = "leases/of_task",
        OF_WORKER = "leases/of_worker",
        PRESENT = "leases/present",
        PROGRESS = "leases/progress",
        START = "leases/start",
        TAKE = "leases/take",
        WORKSPACE = "leases/workspace",
    }
    log_parts {
        INSERT = "log_parts/insert",
        LAST = "log_parts/last",
        PLACE = "log_parts/place",
        READ = "log_parts/read",
    }
    logs {
        ANY = "logs/any",
        DELETE_PACKED = "logs/delete_packed",
        INSERT = "logs/insert",
        LAST = "logs/last",
        PLACE = "logs/place",
        READ = "logs/read",
    }
    pauses {
        DELETE = "pauses/delete",
        INSERT = "pauses/insert",
        LIST = "pauses/list",
    }
    prices {
        DELETE = "prices/delete",
        LIST = "prices/list",
        SET = "prices/set",
    }
    prompts {
        GET = "prompts/get",
        INSERT_VERSION = "prompts/insert_version",
        LIST = "prompts/list",
        PUT = "prompts/put",
        SET_VERSION = "prompts/set_version",
        VERSIONS = "prompts/versions",
    }
    pruned {
        DELETE_ARTIFACTS = "pruned/delete_artifacts",
        DELETE_ATTEMPTS = "pruned/delete_attempts",
        DELETE_BUDGET = "pruned/delete_budget",
        DELETE_DELIVERIES = "pruned/delete_deliveries",
        DELETE_EVENTS = "pruned/delete_events",
        DELETE_EVENT_REQUESTS = "pruned/delete_event_requests",
        DELETE_GATES = "pruned/delete_gates",
        DELETE_GROUPS = "pruned/delete_groups",
        DELETE_HEAD = "pruned/delete_head",
        DELETE_LABELS = "pruned/delete_labels",
        DELETE_LOGS = "pruned/delete_logs",
        DELETE_LOG_PARTS = "pruned/delete_log_parts",
        DELETE_PARTS = "pruned/delete_parts",
        DELETE_RUN = "pruned/delete_run",
        DELETE_SEALS = "pruned/delete_seals",
        DELETE_STEPS = "pruned/delete_steps",
        DELETE_TASKS = "pruned/delete_tasks",
        DELETE_UNPACKED = "pruned/delete_unpacked",
        DELETE_WORKS = "pruned/delete_works",
        DONE = "pruned/done",
        GET = "pruned/get",
        INSERT = "pruned/insert",
        LEAVE_BLOBS = "pruned/leave_blobs",
        LEAVE_LOG_BLOBS = "pruned/leave_log_blobs",
        NEXT = "pruned/next",
    }
    queue {
        COUNT_KEYS = "queue/count_keys",
        DELAY = "queue/delay",
        DROP_RUN = "queue/drop_run",
        DROP_TASK = "queue/drop_task",
        DROP_UNSPARED = "queue/drop_unspared",
        DUE = "queue/due",
        HEAD = "queue/head",
        INSERT = "queue/insert",
        LAST_NUMBER = "queue/last_number",
        NEXT_DUE = "queue/next_due",
        TAKE = "queue/take",
        TAKE_NUMBERS = "queue/take_numbers",
        UNDELAY = "queue/undelay",
        UNDELAY_UNSPARED = "queue/undelay_unspared",
        WORKSPACES = "queue/workspaces",
    }
    run_budgets {
        GET = "run_budgets/get",
        INSERT = "run_budgets/insert",
        OF_PLAN = "run_budgets/of_plan",
        UPDATE = "run_budgets/update",
    }
    runs {
        ACKNOWLEDGE = "runs/acknowledge",
        LIST_UNACKNOWLEDGED = "runs/list_unacknowledged",
        LOAD = "runs/load",
        SOURCE = "runs/source",
        BETWEEN = "runs/between",
        BY_EXTERNAL_ID = "runs/by_external_id",
        FINISH = "runs/finish",
        GET = "runs/get",
        IDS_AFTER = "runs/ids_after",
        INSERT = "runs/insert",
        INSERT_LABELS = "runs/insert_labels",
        LABELS = "runs/labels",
        LIST = "runs/list",
        NEXT_DEADLINE = "runs/next_deadline",
        NOTE_ERROR = "runs/note_error",
        NOTE_START = "runs/note_start",
        OVERDUE = "runs/overdue",
        PLANS = "runs/plans",
        PRUNABLE = "runs/prunable",
        REQUEST_CANCEL = "runs/request_cancel",
    }
    schedules {
        DISABLE = "schedules/disable",
        DROP = "schedules/drop",
        DUE = "schedules/due",
        ENABLE = "schedules/enable",
        FIRE = "schedules/fire",
        GET = "schedules/get",
        LIST = "schedules/list",
        PUT = "schedules/put",
    }
    seal_keys {
        LIST = "seal_keys/list",
        PUT = "seal_keys/put",
    }
    seals {
        INSERT = "seals/insert",
        LIST = "seals/list",
        UNSEALED = "seals/unsealed",
        UNSEALED_OF = "seals/unsealed_of",
    }
    secrets {
        DELETE = "secrets/delete",
        GET = "secrets/get",
        LIST = "secrets/list",
        RESEAL = "secrets/reseal",
        SEALED = "secrets/sealed",
        SET = "secrets/set",
    }
    slots {
        ADMIT_RUN = "slots/admit_run",
        DROP_RUN = "slots/drop_run",
        DROP_TASK = "slots/drop_task",
        DROP_UNSPARED = "slots/drop_unspared",
        FREE_RUNS = "slots/free_runs",
        INSERT_HELD = "slots/insert_held",
        INSERT_RUN = "slots/insert_run",
        KEYS = "slots/keys",
        NEXT = "slots/next",
        OVERBOOKED = "slots/overbooked",
        RUN_KEYS = "slots/run_keys",
        RUNS = "slots/runs",
        RUNS_ADMITTED = "slots/runs_admitted",
        RUNS_WAITING = "slots/runs_waiting",
        TASKS = "slots/tasks",
    }
    steps {
        GET = "steps/get",
        LIST = "steps/list",
        OF_ATTEMPT = "steps/of_attempt",
        OF_RUN = "steps/of_run",
        OPEN = "steps/open",
        PUT = "steps/put",
        TAKEN = "steps/taken",
        WAIT = "steps/wait",
    }
    tasks {
        COUNTS = "tasks/counts",
        END = "tasks/end",
        GET = "tasks/get",
        GO_ON = "tasks/go_on",
        INSERT = "tasks/insert",
        LIST = "tasks/list",
        NEXT_ATTEMPT = "tasks/next_attempt",
        NOTE_REUSE = "tasks/note_reuse",
        OPEN = "tasks/open",
        OPEN_AS = "tasks/open_as",
        OUTPUTS = "tasks/outputs",
        PLACE = "tasks/place",
        REQUEST_CANCEL = "tasks/request_cancel",
        SETTLED_AS = "tasks/settled_as",
        SKIP_GROUPS = "tasks/skip_groups",
        STANDING = "tasks/standing",
        SWEEP = "tasks/sweep",
        TALLY = "tasks/tally",
        TO_RESUME = "tasks/to_resume",
        WAIT_OVER = "tasks/wait_over",
        WIND_UP = "tasks/wind_up",
    }
    tokens {
        BY_HASH = "tokens/by_hash",
        GET = "tokens/get",
        INSERT = "tokens/insert",
        LIST = "tokens/list",
        REVOKE = "tokens/revoke",
        TOUCH = "tokens/touch",
    }
    unpacked_logs {
        DONE = "unpacked_logs/done",
        INSERT = "unpacked_logs/insert",
        LIST = "unpacked_logs/list",
        LOOSE = "unpacked_logs/loose",
    }
    workers {
        ALIVE = "workers/alive",
        BEAT = "workers/beat",
        INSERT = "workers/insert",
        LIST = "workers/list",
        RETIRE = "workers/retire",
    }
    workflows {
        CURRENT = "workflows/current",
        DELETE = "workflows/delete",
        GET = "workflows/get",
        INSERT = "workflows/insert",
        INSERT_REVISION = "workflows/insert_revision",
        LIST = "workflows/list",
        REVISIONS = "workflows/revisions",
        SOURCE = "workflows/source",
        UPDATE = "workflows/update",
    }
    works {
        COUNT_PARTS = "works/count_parts",
        DROP = "works/drop",
        DROP_BEFORE = "works/drop_before",
        DROP_PARTS = "works/drop_parts",
        DROP_PARTS_BEFORE = "works/drop_parts_before",
        GET = "works/get",
        INSERT_PART = "works/insert_part",
        PUT = "works/put",
        READ_PART = "works/read_part",
    }
    workspaces {
        BY_NAME = "workspaces/by_name",
        INSERT = "workspaces/insert",
        LIST = "workspaces/list",
        SET = "workspaces/set",
        SETTINGS = "workspaces/settings",
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_statement_prepares() {
        let mut connection = crate::connection::open_in_memory().expect("opens");
        crate::migrate::apply(&mut connection).expect("migrates");
        for (path, text) in super::ALL {
            if let Err(error) = connection.prepare(text) {
                panic!("sql/{path}.sql: {error}");
            }
        }
        assert!(super::ALL.len() > 80);
    }
}
