//! Every code that a message of this crate can carry, with a page for `ork explain CODE`.
//!
//! `ORK-E01…` the text of a file, `E02…` its keys and values, `E03…` its tasks and their graph, `E04…` expressions,
//! `E05…` inputs.

/// A code and what is known about it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Code {
    /// Such as `ORK-E0201`.
    pub code: &'static str,
    /// The rule in one line.
    pub title: &'static str,
    /// Cause and repair, a few paragraphs of Markdown.
    pub page: &'static str,
}

/// Looks a code up; case does not matter.
#[must_use]
pub fn find(code: &str) -> Option<&'static Code> {
    ALL.iter().find(|known| known.code.eq_ignore_ascii_case(code))
}

macro_rules! codes {
    ($($name:ident = $code:literal, $title:literal, $page:literal;)*) => {
        $(pub(crate) const $name: &str = $code;)*
        /// Every code, in order.
        pub const ALL: &[Code] = &[$(Code { code: $code, title: $title, page: $page }),*];
    };
}

codes! {
    FILE_LARGE = "ORK-E0101", "a file is at most 8 MiB",
        "The file is larger than a workflow may be. Put data into files of its own and give their names to the tasks; \
         write many like tasks as one task with `count` or `each`.";
    YAML_SYNTAX = "ORK-E0102", "the file is not valid YAML",
        "The YAML reader could not go on at this place, so nothing after it was checked.\n\n\
         Frequent causes: a colon without a space after it (`key:value`), keys of one mapping that are indented \
         differently, a quote or bracket that is never closed, and text that begins with one of `[ { & * ! | > ' \" % @` or a backtick, \
         which must be quoted. Text that holds `: ` or ` #` must be quoted too.";
    JSON_SYNTAX = "ORK-E0103", "the file is not valid JSON",
        "The JSON reader could not go on at this place. Frequent causes: a comma after the last item, a missing comma, \
         single quotes, comments. YAML allows comments and needs fewer quotes: name the file `.yaml`.";
    TAB = "ORK-E0104", "YAML is indented with spaces",
        "A tab stands where YAML counts columns. Replace tabs at the beginning of lines by spaces, two for each level; \
         most editors do this on request.";
    TOO_DEEP = "ORK-E0105", "values are nested at most 80 levels deep",
        "Nobody writes such a file by hand. If a program wrote it, let it put the data into a file that a task reads.";
    TOO_MANY_NODES = "ORK-E0106", "a file has at most 800,000 values",
        "Put data into files of its own, and write like tasks as one task with `count` or `each`.";
    YAML_ALIAS = "ORK-E0107", "an alias names an anchor above it, and copies little",
        "`&name` marks a value, `*name` puts a copy of it elsewhere. The anchor must stand above, not around, the alias, \
         and all copies of a file together may have 10,000 values: nested aliases can otherwise stand for billions.\n\n\
         Text that begins with `*` or `&` must be quoted: `\"*.mp4\"`.";
    YAML_TAG = "ORK-E0108", "YAML tags are not supported",
        "A value that begins with `!` is a tag, which asks the reader for a special type. Ork knows no such types. \
         Quote the value if it is text: `\"!important\"`.";
    YAML_DOCUMENTS = "ORK-E0109", "a file holds one workflow",
        "A line `---` begins a second document. Put each workflow into a file of its own.";
    CONTROL = "ORK-E0110", "text holds no NUL character",
        "Neither databases nor the arguments and the environment of a program can hold U+0000.";
    KEY_REPEATED = "ORK-E0111", "a key stands once in a mapping",
        "Other readers would silently take the last one. Two tasks of the same name are the most frequent cause: rename one.";
    KEY_NOT_TEXT = "ORK-E0112", "keys are text",
        "A number, `true`, `null`, a list or a mapping stands where a key is expected. Quote it: `\"1\": …`.\n\n\
         `{{ … }}` without quotes is a mapping for YAML, whence this message: write `\"{{ … }}\"`.";
    NUMBER_ODD = "ORK-E0113", "a number must mean the same to every reader",
        "Numbers that begin with 0 are octal for some readers of YAML and decimal for others; hexadecimal and octal \
         notation, numbers that do not fit into 64 bits, infinity and not-a-number cannot be told apart or stored as JSON. \
         Quote what is text (`\"0755\"`, an id), write other numbers in plain decimal.";
    MERGE_KEY = "ORK-E0114", "merge keys (`<<`) are not part of YAML 1.2",
        "Defaults for all tasks stand at the top of the file: `retry:`, `env:`, `priority:`, `timeout:`. A whole value can \
         be repeated by an alias: `retry: *name`.";
    FILE_EMPTY = "ORK-E0115", "a workflow file is a mapping with `tasks`",
        "The smallest workflow is\n\n    tasks:\n      hello:\n        command: [echo, hello]";

    KEY_UNKNOWN = "ORK-E0201", "only known keys are allowed",
        "The key is not one of this place. It is refused, not ignored, because a misspelt `timeout` would never be missed. \
         Look at the suggestion, at the indentation (a task's key one level too far out belongs to the file), and at the \
         list of keys in the documentation.";
    WRONG_TYPE = "ORK-E0202", "a value has the type that its key asks for",
        "For instance text where a list is expected. YAML decides by how a value is written: `5` is a number, `\"5\"` text, \
         `[5]` a list, `{a: 5}` a mapping, and nothing after the colon is null.";
    KEY_MISSING = "ORK-E0203", "a required key is missing",
        "Add the key that the message names.";
    KEY_LATER = "ORK-E0204", "this build cannot run that yet",
        "The key belongs to the file format, but this version of Ork cannot run what it asks for, and a run that silently \
         went without it would be worse than none. Remove it, or use a version that has it.";
    NAME_BAD = "ORK-E0205", "names have 1 to 128 characters of A–Z a–z 0–9 . _ -",
        "Names of workflows, tasks, queues, operations, inputs and labels become parts of paths, URLs and metrics. \
         Spaces and other characters are not allowed; put free text into `description`.";
    DURATION_BAD = "ORK-E0206", "durations have units",
        "Write `500ms`, `30s`, `10m`, `1h30m` or `2d`: whole numbers, each with a unit, larger units first. A bare number is \
         refused because one half of the readers takes it for seconds and the other for milliseconds.";
    OUT_OF_RANGE = "ORK-E0207", "a number lies within its limits",
        "The message names the limits.";
    WORD_UNKNOWN = "ORK-E0208", "some keys take one of a few words",
        "The message lists the words.";
    VALUE_LARGE = "ORK-E0209", "one value has at most 1 MiB and 64 levels",
        "Parameters, inputs and results are stored with each task. Put large data into a file and pass its name.";
    KEYS_CONFLICT = "ORK-E0210", "two keys contradict each other",
        "The message names both. Keep one of them.";
    CRON_BAD = "ORK-E0211", "`cron` has five fields, and its time comes",
        "Minute, hour, day of the month, month, day of the week, with spaces between them: `30 3 * * mon-fri`. Each is `*`, a \
         number or a name, a range (`1-5`), a list (`1,15`), or one of them with a step (`*/10`). There are no seconds. Where \
         both fields for days name some, either one is enough. A day that no month has, such as February 30, is refused.";
    TIMEZONE_UNKNOWN = "ORK-E0212", "a time zone is named as IANA does",
        "Such as `Europe/Paris`, `America/New_York` or `UTC`. Abbreviations such as `CET` or `EST` say nothing about the time in \
         summer.";
    SECRET_WRITTEN = "ORK-E0213", "a secret is named, never written",
        "A workflow file is read by many and kept with each of its runs, so it holds no secret. Store the secret in the workspace \
         and write its name: `secret: \"{{ secrets.hook }}\"` of a webhook, `key: \"{{ secrets.models }}\"` of a model. What it is \
         then is used when a message is sent, or a model is asked.\n\n\
         With the format `standard` the secret of a webhook is `whsec_` and base64 of 24 to 64 bytes: \
         `echo whsec_$(openssl rand -base64 32)`.";
    WEBHOOK_URL = "ORK-E0214", "a webhook goes to a web server",
        "Write a URL that begins with `https://` or `http://`, names a host, and holds no name and no password: URLs are shown and \
         logged. Addresses that are not public are refused when a message is sent, unless the setting `egress.allow` names them.";
    MONEY_FINE = "ORK-E0215", "money has at most six decimals",
        "Budgets and prices are counted in millionths of a US dollar, exactly. Write `usd: 2.50`, or `usd: 0.000001` at the least.";
    PROMPT_NAME = "ORK-E0216", "a prompt is named `ID`, or `ID@VERSION`",
        "`prompt` names a prompt that is stored in the workspace: `captions`, which is the version that is the newest when the run \
         is created, or `captions@3`, which is the third for ever. It holds no template. A question that is no stored prompt stands \
         under `text`.";
    ARTIFACT = "ORK-E0217", "an artifact is a file of the folder, or an address",
        "`artifact` keeps files of the folder that the steps of a task share: `path` is a pattern below it, `out/*.mp4` or `**/*.json`, or \
         a list of them. It never leads out of the folder: it is not absolute, and no part of it is `..`. `*` stands for any characters \
         of a name, `?` for one, `[a-z]` for one of a set, `**` for any folders. In place of `path`, `url` names a file that is \
         elsewhere (`https`, `http`, `s3`, `gs`, `az`), by an address without a password, and a `name` for it.\n\n\
         A `name` is a relative path, written with `/`, of at most 1,024 bytes. A `checksum` is a SHA-256 in hexadecimal, a \
         `content_type` a media type such as `video/mp4`.";

    TASKS_NONE = "ORK-E0301", "a workflow has at least one task",
        "Add one below `tasks:`, indented:\n\n    tasks:\n      hello:\n        command: [echo, hello]";
    WORK_NONE = "ORK-E0302", "a task does exactly one thing",
        "Each task has exactly one of `command` (a program with its arguments, as a list), `run` (a shell script), `steps` (several \
         of them in order, with models and gates between them) and `operation` (the name of what a worker, or a command of `ork.toml`, \
         serves). For several commands in a row write several tasks, `steps`, or one `run` script.";
    DEPENDENCY_UNKNOWN = "ORK-E0303", "`depends_on` names tasks of this file",
        "The task that it names does not exist. Names are compared exactly, case included.";
    DEPENDENCY_REPEATED = "ORK-E0304", "a dependency is named once",
        "Remove the repetition.";
    CYCLE = "ORK-E0305", "dependencies have no cycle",
        "Each of these tasks waits for the next, and the last for the first, so that none could ever start. The message \
         shows the circle; remove one of its arrows.";
    TASKS_MANY = "ORK-E0306", "a run has at most 100,000 tasks",
        "Siblings of `count` and `each` are counted. Split the work over several runs, or let one task do more.";
    DEPENDENCIES_MANY = "ORK-E0307", "a plan has at most 500,000 dependencies",
        "When many tasks each wait for many others, put one task between them: it waits for the first group, and the \
         second group waits for it.";
    GRAPH_DEEP = "ORK-E0308", "a chain of dependencies has at most 1,000 tasks",
        "Combine tasks, or split the workflow.";
    EXECUTOR = "ORK-E0309", "`executor` is `process` or `worker`",
        "`process` runs `command` and `run` on the machine of the worker; `worker` gives `operation` to whatever serves it. Others \
         (container, kubernetes, cloudrun, runpod, http) are not in this build.";
    KEY_UNFIT = "ORK-E0310", "a key does not fit this kind of task or step",
        "`env`, `workdir` and `output` shape a process of the file's own. An operation gets all that it needs in `params`, and \
         answers with its output. `rounds` are those of a task with `steps`. A model, a condition, an approval and what keeps files have no \
         process, so that they take no `env`; a condition and an approval are decided once, without `timeout` and `retry`: an approval has \
         `expires` instead.";
    STEP_WORK = "ORK-E0311", "a step does exactly one thing",
        "Each step has exactly one of `command` (a program with its arguments, as a list), `run` (a shell script), `ai` (a model is \
         asked), `gate` and `artifact` (files are kept). A gate has exactly one of `command` and `run` (it passes when that succeeds), `condition` (when it is \
         true) and `approval` (when somebody says so).";
    STEP_REPEATED = "ORK-E0312", "the steps of a task have different names",
        "Steps are read and shown by their names. Those of different tasks may have the same one.";
    PHASE_ORDER = "ORK-E0313", "phases follow each other",
        "An attempt runs its steps in the order in which they stand, and that is the order of their phases: `setup` makes ready, \
         `execution` does the work, `validation` says whether it is good, `cleanup` puts away, however the rest went. A phase may be \
         missing, and none comes again.";
    GATE_IN_CLEANUP = "ORK-E0314", "cleanup has no gates",
        "A gate decides whether an attempt goes on. Cleanup always runs to its end, in five minutes at the most, so there is nothing \
         to decide, and nobody to wait for.";

    EXPRESSION_SYNTAX = "ORK-E0401", "an expression must be readable",
        "Expressions are those of Jinja: `inputs.name`, `tasks.cut.output.url`, `a + 1`, `a == 'text'`, `a > 1 and not b`, \
         `list | length`, `x if condition else y`. A name with other characters than letters, digits and `_` stands in \
         brackets: `tasks[\"cut-it\"].output`.";
    TEMPLATE_OPEN = "ORK-E0402", "`{{` is closed by `}}`",
        "Everything from `{{` to `}}` is an expression. For two braces as text write `{{ \"{{\" }}`.";
    TEMPLATE_BLOCK = "ORK-E0403", "templates hold expressions only",
        "There are no statements (`{% %}`) and no comments (`{# #}`). For a choice write `{{ a if condition else b }}`, for a \
         condition on a task `when:`, for repetition `each:`.";
    NAME_UNKNOWN = "ORK-E0404", "an expression reads `inputs`, `tasks`, `task`, `steps`, `run`, `prompts` and `secrets`",
        "`inputs.NAME` is an input of the run, `tasks.KEY.output` what a task before this one gave (`outputs` with \
         `count` or `each`), `task.index`, `task.item`, `task.key`, `task.attempt` and `task.id` are the task itself, `run.id`, \
         `run.name` and `run.project` the run. In a step there are also `steps.NAME.output`, `status` and `error` of the steps before \
         it, `task.round` and `task.feedback`. `prompts.NAME` is the text of a stored prompt, `secrets.NAME` a secret. The environment \
         of Ork is not visible, and tasks do not inherit it either: declare an input, and give it with `-i name=\"$NAME\"`.";
    INPUT_UNKNOWN = "ORK-E0405", "an input must be declared",
        "Declare it at the top of the file:\n\n    inputs:\n      name: {type: string}";
    TASK_UNKNOWN = "ORK-E0406", "`tasks.KEY` names a task of this file",
        "Names are compared exactly. A name with `-` or `.` stands in brackets: `tasks[\"cut-it\"].output`.";
    TASK_NOT_BEFORE = "ORK-E0407", "an expression reads only tasks that are over by then",
        "The task that is read does not come before this one, so its output may not exist yet. Add it to `depends_on`; a \
         task before a task before this one is enough. A template alone makes no dependency.";
    NAME_NOT_HERE = "ORK-E0408", "not every name is known at every place",
        "`labels`, `concurrency.key` and `inputs` are settled before the run, and see `inputs` only. `count`, `each` and `when` \
         are decided once for a task and all its siblings, before there is a `task`. `task.item` exists with `each` only. A task \
         with `count` or `each` has `outputs`, a list; any other has `output`. `steps`, `task.round` and `task.feedback` are known in \
         steps, each of which has an `output`, a `status` and an `error`. `secrets` and `prompts` are known where a process, a \
         handler or a model is told something.";
    TEMPLATE_IN_RUN = "ORK-E0410", "a script holds no template",
        "A value that is pasted into a shell script can end a quote and run as a command (script injection). Pass it through \
         the environment, where it stays data:\n\n    env: {SOURCE: \"{{ inputs.source }}\"}\n    run: ./cut.sh \"$SOURCE\"\n\n\
         A script that needs two braces for another tool (`docker ps --format`) can stand in a file that `run` calls.";
    CONDITION_BRACES = "ORK-E0411", "a condition is a bare expression",
        "`when` is always an expression, so it needs no braces: `when: inputs.clips > 3`. Quote it when it holds `: `, ` #`, \
         or begins with a quote.";
    FILTER_UNKNOWN = "ORK-E0412", "there is no such filter or test",
        "A filter changes a value, `value | filter`; a test answers yes or no, `value is test`. The documentation of \
         expressions lists them all.";
    CALL = "ORK-E0413", "expressions call no functions",
        "There are only filters: `list | length`, not `len(list)`; `text | upper`, not `text.upper()`. What filters cannot do, a \
         task can.";
    EXPRESSION_LONG = "ORK-E0414", "an expression has at most 4 KiB, 256 parts and 24 nested brackets",
        "Compute the value in a task, and read its output.";
    EXPRESSION_WANTED = "ORK-E0415", "`count` and `each` take a value or `{{ … }}`",
        "Text that is not an expression was found. Write the expression in braces: `count: \"{{ inputs.clips }}\"`.";
    STEP_UNKNOWN = "ORK-E0416", "`steps.NAME` names a step of the same task",
        "Names are compared exactly. A name with `-` or `.` stands in brackets: `steps[\"cut-it\"].output`. What another task gave is \
         read as `tasks.KEY.output`.";
    STEP_NOT_BEFORE = "ORK-E0417", "an expression reads only steps that are over by then",
        "Steps run in the order in which they stand, so that a step sees those before it. Gates of one phase that stand together and \
         decide by themselves (`command`, `run`, `condition`) run at the same time, and do not see each other.";
    UNDEFINED = "ORK-E0420", "an expression read something that does not exist",
        "At run time a key was missing in the data, or a list was too short. If that is all right, say what to take instead: \
         `tasks.a.output.size | default(0)`.";
    ORDER_UNLIKE = "ORK-E0421", "`<` and `>` compare like with like",
        "Numbers are ordered with numbers, text with text. Convert one side: `tasks.a.output.size | float > 10`.";
    RESULT_LARGE = "ORK-E0422", "an expression's result has at most 1 MiB",
        "Pass large data in a file, and its name in the value. An expression that takes too many steps is refused as well.";
    CONDITION_NOT_BOOLEAN = "ORK-E0423", "a condition is true or false",
        "Empty text, 0 and null are neither: say what is meant, `inputs.name != ''`, `tasks.a.output.n > 0`, `x is not none`.";
    EVALUATION = "ORK-E0424", "an expression failed on its data",
        "The message says what it could not do. Frequent causes: `int` or `float` of text that is no number, and adding text to \
         a number (`~` joins anything as text).";

    INPUT_NOT_DECLARED = "ORK-E0501", "a run is given declared inputs only",
        "The workflow has no input of this name. `ork validate FILE --json` lists those that it has.";
    INPUT_MISSING = "ORK-E0502", "a required input was not given",
        "Give it with `-i name=value`, or `--input @file.json`.";
    INPUT_TYPE = "ORK-E0503", "an input has its declared type",
        "`string`, `integer`, `number`, `boolean`, `array` and `object` are the types of JSON. `5.0` is an integer, `\"5\"` is not.";
    INPUT_NOT_ALLOWED = "ORK-E0504", "an input is one of its `enum`",
        "The message lists what is allowed.";
    INPUT_RANGE = "ORK-E0505", "an input lies between its `minimum` and `maximum`",
        "Both ends are allowed themselves.";
    INPUT_PATTERN = "ORK-E0506", "an input matches its `pattern`",
        "A pattern may match anywhere in the text, as in JSON Schema: `^` and `$` hold it to the whole.";
    PATTERN_BAD = "ORK-E0507", "a pattern is a regular expression",
        "The syntax is that of Rust's `regex`: no look-around and no back-references, so that matching takes linear time.";
    FAN_BAD = "ORK-E0508", "`count` gives a whole number, `each` a list",
        "The expression gave something else with these inputs.";
    FAN_LIST_TEMPLATE = "ORK-E0509", "a literal `each` list reads inputs only",
        "Items of a list that is written out are settled before the run. To read the outputs of tasks write the whole list as \
         one expression: `each: \"{{ [tasks.a.output, tasks.b.output] }}\"`.";
}
