//! Every statement, by noun and verb. The texts live in `sql/`, one statement a file.

macro_rules! statements {
    ($($name:ident = $path:literal),* $(,)?) => {
        /// A statement: its noun and its verb.
        #[derive(Debug, Clone, Copy, PartialEq, Eq)]
        pub enum Sql { $($name),* }

        impl Sql {
            /// All of them.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// Its text.
            pub const fn text(self) -> &'static str {
                match self { $(Self::$name => include_str!(concat!("../sql/", $path, ".sql"))),* }
            }

            /// Its file.
            pub const fn path(self) -> &'static str {
                match self { $(Self::$name => $path),* }
            }
        }
    };
}

statements! {
    AttemptsInsert = "attempts/insert",
    AttemptsOfRun = "attempts/of_run",
    AttemptsOfTask = "attempts/of_task",
    EvaluationsDrop = "evaluations/drop",
    EvaluationsDropUnspared = "evaluations/drop_unspared",
    EvaluationsInsert = "evaluations/insert",
    EvaluationsList = "evaluations/list",
    EvaluationsOfRun = "evaluations/of_run",
    EventsInsert = "events/insert",
    EventsList = "events/list",
    FeedHead = "feed/head",
    FeedList = "feed/list",
    GroupsAll = "groups/all",
    GroupsInsert = "groups/insert",
    GroupsList = "groups/list",
    GroupsLock = "groups/lock",
    GroupsLockAll = "groups/lock_all",
    GroupsUpdate = "groups/update",
    HeadsGet = "heads/get",
    HeadsInsert = "heads/insert",
    HeadsLock = "heads/lock",
    HeadsLockFree = "heads/lock_free",
    HeadsUpdate = "heads/update",
    LanesList = "lanes/list",
    LeasesCancelled = "leases/cancelled",
    LeasesClaimed = "leases/claimed",
    LeasesLock = "leases/lock",
    LeasesOfRun = "leases/of_run",
    LeasesOfTask = "leases/of_task",
    LeasesOfWorker = "leases/of_worker",
    LeasesProgress = "leases/progress",
    LeasesStart = "leases/start",
    LeasesTake = "leases/take",
    LogsInsert = "logs/insert",
    LogsRead = "logs/read",
    QueueClaim = "queue/claim",
    QueueCountKeys = "queue/count_keys",
    QueueDelay = "queue/delay",
    QueueDropRun = "queue/drop_run",
    QueueDropTask = "queue/drop_task",
    QueueDropUnspared = "queue/drop_unspared",
    QueueDue = "queue/due",
    QueueInsert = "queue/insert",
    QueueNextDue = "queue/next_due",
    QueueUndelay = "queue/undelay",
    QueueUndelayUnspared = "queue/undelay_unspared",
    QueueWorkspaces = "queue/workspaces",
    RunsBetween = "runs/between",
    RunsByExternalId = "runs/by_external_id",
    RunsFinish = "runs/finish",
    RunsGet = "runs/get",
    RunsIdsAfter = "runs/ids_after",
    RunsInsert = "runs/insert",
    RunsInsertLabels = "runs/insert_labels",
    RunsLabels = "runs/labels",
    RunsList = "runs/list",
    RunsNextDeadline = "runs/next_deadline",
    RunsOverdue = "runs/overdue",
    RunsPlans = "runs/plans",
    RunsRequestCancel = "runs/request_cancel",
    SlotsAdmitRun = "slots/admit_run",
    SlotsAdmitTasks = "slots/admit_tasks",
    SlotsDropRun = "slots/drop_run",
    SlotsDropTask = "slots/drop_task",
    SlotsDropUnspared = "slots/drop_unspared",
    SlotsFreeRuns = "slots/free_runs",
    SlotsInsertKey = "slots/insert_key",
    SlotsInsertRun = "slots/insert_run",
    SlotsKeys = "slots/keys",
    SlotsLockKey = "slots/lock_key",
    SlotsNext = "slots/next",
    SlotsOverbooked = "slots/overbooked",
    SlotsRunKeys = "slots/run_keys",
    SlotsRuns = "slots/runs",
    SlotsRunsAdmitted = "slots/runs_admitted",
    SlotsRunsWaiting = "slots/runs_waiting",
    SlotsTasks = "slots/tasks",
    TasksEnd = "tasks/end",
    TasksGet = "tasks/get",
    TasksGoOn = "tasks/go_on",
    TasksInsert = "tasks/insert",
    TasksList = "tasks/list",
    TasksNoteReuse = "tasks/note_reuse",
    TasksOutputs = "tasks/outputs",
    TasksPlace = "tasks/place",
    TasksRequestCancel = "tasks/request_cancel",
    TasksSettledAs = "tasks/settled_as",
    TasksSkipGroups = "tasks/skip_groups",
    TasksSweep = "tasks/sweep",
    TasksTally = "tasks/tally",
    TasksToResume = "tasks/to_resume",
    TasksWaits = "tasks/waits",
    TokensByHash = "tokens/by_hash",
    TokensGet = "tokens/get",
    TokensInsert = "tokens/insert",
    TokensList = "tokens/list",
    TokensRevoke = "tokens/revoke",
    TokensTouch = "tokens/touch",
    WorkersBeat = "workers/beat",
    WorkersClock = "workers/clock",
    WorkersInsert = "workers/insert",
    WorkersList = "workers/list",
    WorkersRetire = "workers/retire",
    WorkspacesByName = "workspaces/by_name",
    WorkspacesInsert = "workspaces/insert",
    WorkspacesList = "workspaces/list",
    WorkspacesSet = "workspaces/set",
}
