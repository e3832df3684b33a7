//! What `ork explain` knows: the codes of workflow files, exit codes, problems of the API, and the guarantees that `ork
//! doctor` names.

use ork_workflow::codes::{self, Code};

macro_rules! pages {
    ($($code:literal, $title:literal, $page:literal;)*) => {
        &[$(Code { code: $code, title: $title, page: $page }),*]
    };
}

/// Exit codes, problems of the API, and guarantees.
const PAGES: &[Code] = pages! {
    "exit-0", "success",
        "What was asked for is done. `ork run` and `ork runs watch` say so only when the run succeeded.";
    "exit-1", "the run failed, or something was found",
        "`ork run` and `ork runs watch`: at least one task failed; `ork why last` says which, and shows the end of its log, \
         and `ork runs retry last` repeats what did not succeed.\n\n\
         `ork doctor` and `ork db verify`: something is stored that cannot be. `ork db status`: migrations are missing; \
         `ork db migrate` applies them.";
    "exit-2", "wrong usage, or an invalid file; nothing was created",
        "The message says what is wrong, and `try:` below it what to do. `ork validate FILE` shows every error of a \
         workflow file, `ork help COMMAND` every option.";
    "exit-3", "the run was cancelled",
        "By `ork runs cancel`, or by Ctrl-C in `ork run`. What had succeeded stays: `ork runs retry last` does the rest.";
    "exit-4", "not allowed",
        "The server wants a token, or does not let the one that it got do that. `--token-file`, the variable `ORK_TOKEN` or a \
         context gives one; `ork context list` shows the contexts, and `ork config show --origin` which server was asked.";
    "exit-5", "a wait timed out",
        "The time of `ork runs watch --timeout` passed. The run goes on; `ork why last` says what it waits for.";
    "exit-6", "stopped at a gate",
        "`ork run --no-wait`: the run waits for somebody's decision, and stays as it is. `ork gates list` shows what is asked, \
         `ork gates approve` and `reject` decide, and `ork run --resume last` goes on.";
    "exit-7", "nothing matched",
        "There is no such run, task or code. `ork runs list` shows the runs of the database that is in use, and \
         `ork config show --origin` which one that is.";
    "exit-8", "the database, or the server, cannot be reached",
        "It does not answer, or refuses the connection. `ork config show --origin` shows which one is in use and who said so; \
         `ork db status` tries a database again, `ork version --server URL` a server. Runs that were accepted are safe.";
    "exit-70", "an internal error",
        "A bug of Ork, or stored data that cannot be. `ork doctor` looks for the latter. Please report it with the message.";
    "exit-130", "interrupted",
        "A signal ended it: a second Ctrl-C in `ork run`, Ctrl-C in `ork runs watch` (the run goes on), or SIGTERM. \
         `ork run --resume last` goes on with a run that a process had carried.";

    "http-invalid-request", "400: a part of the query, or a header, is wrong",
        "`detail` and `errors` say which part; nothing was looked up. /docs of the server lists what each route takes.";
    "http-invalid-body", "400: the body is not the JSON that is asked for",
        "Each entry of `errors` has a JSON pointer into the body, and line and column. Fields that are not known are refused, \
         so that a misspelt one is not ignored. Nothing was created.";
    "http-unauthorized", "401: no token, or none that is valid",
        "Send the header `Authorization: Bearer` and a token. The answer is the same whether there was none, or one that was \
         misspelt, has ended or was revoked; a token in the address is refused as well. `ork tokens create` makes one.";
    "http-forbidden", "403: the token's role may not do that",
        "`GET /whoami` says which role a token has and what that may do; /docs says what each route needs. An admin of the \
         workspace makes tokens with other roles.";
    "http-foreign-origin", "403: a page of another site asks",
        "A browser sent the request for a page that is not this server's. Programs send no `Origin`; leave it out.";
    "http-not-found", "404: there is no such thing",
        "No such route, run, task or attempt, in this database. Ids are whole in the API: parts of them, and `last`, are for \
         the command line.";
    "http-method-not-allowed", "405: not with this method",
        "The route exists, and the header `Allow` of the answer says with which methods.";
    "http-body-timeout", "408: the body did not come in time",
        "It may take 10 s, and an upload may say nothing for 30 s. Send it again; nothing was created.";
    "http-too-many-streams", "503: no room for another stream",
        "A server has 1000 event streams open at once. Come again a little later; one stream may have 20 topics, and one is \
         enough for a program.";
    "http-conflict", "409: it contradicts what is stored",
        "The `external_id` or `Idempotency-Key` names another run already: send the same workflow, input, labels and priority to \
         get that run, or another name to create one. Or the run is not so far: only one that is over is done again or \
         acknowledged.";
    "http-gate-decided", "409: somebody has decided already",
        "The first decision about a gate counts, and `gate` shows it: who decided, when, and why. It may also have expired, or not be \
         needed any more because its run or its task was cancelled.";
    "http-artifact-elsewhere", "409: the artifact is not in Ork's artifact store",
        "It was kept as an address, which `hint` is. Ork neither asks that address nor sends anybody there: ask it yourself.";
    "http-precondition-failed", "412: it is not what the request expects",
        "The workflow has another revision than `If-Match` names, or there is one although `If-None-Match: *` says that there is \
         none: somebody was faster. Nothing was changed. Read it again, and send the change with its new `ETag`.";
    "http-pruned", "410: it is not kept any more",
        "The run ended longer ago than its workspace keeps runs: 30 days, or `keep_days`. What is left is that it was there, how it \
         ended, and when. Its id is not given out again.";
    "http-length-required", "411: nobody says how long the body is",
        "An upload has a `Content-Length`, or comes with `Transfer-Encoding: chunked`: otherwise one that broke off would look whole. \
         Nothing was created.";
    "http-body-too-large", "413: the body is over the limit",
        "A body has at most 8 MiB, and an artifact 64 GiB. Nothing was created. Large inputs belong into files that the tasks read.";
    "http-not-json", "415: the body is not declared as JSON",
        "Send the header `content-type: application/json`. It is asked for because a page of another site cannot send it.";
    "http-wrong-range", "416: the artifact has no such range of bytes",
        "One range is answered, of bytes that there are: `bytes=0-99`, `bytes=100-`, or `bytes=-100` for the last ones. `Content-Range` of \
         the answer has the number of all bytes.";
    "http-wrong-host", "421: the request is for another host",
        "The `Host` is neither localhost nor 127.0.0.1 nor [::1] with the server's port. A name that somebody else points at \
         this address would let their pages read the answers.";
    "http-invalid-workflow", "422: the workflow or its inputs are wrong",
        "`errors` has every error with its place in the workflow's text and a code of its own, which `ork explain` knows. \
         Nothing was created.";
    "http-invalid-artifact", "422: what is said of the artifact cannot be",
        "`errors` says which part. A name is a relative path of at most 1,024 bytes, with `/` between its parts and nothing in it that is \
         read as another path somewhere: no `..`, no backslash, no control characters. Nothing was created.";
    "http-wrong-bytes", "422: the bytes are not those that were announced",
        "Another number of bytes came, or another SHA-256; `detail` has both. Nothing was created, and the bytes are not kept.";
    "http-over-limit", "422: over a limit",
        "`detail` says which. Nothing was created.";
    "http-over-quota", "429: over a quota of the workspace",
        "`detail` says which. Nothing was created. Send the request again once runs are over, which `Retry-After` cannot know; or \
         have the quota raised.";
    "http-too-many-requests", "429: too often in a short time",
        "More than 20 wrong tokens came from this address within a minute, or more requests than the workspace allows. \
         `Retry-After` says how many seconds to wait; tokens that were right a moment ago are still accepted.";
    "http-internal", "500: an internal error",
        "A bug of Ork, or stored data that cannot be. `ork doctor` looks for the latter. Please report it with the message.";
    "http-corrupt-artifact", "500: the bytes that are kept are not those that were written",
        "A failing disk, or somebody else who wrote into the artifact store. `detail` names the artifact, and `ork artifacts verify --all` \
         finds every other one. Restore its file from a backup; what a run recorded of it does not change.";
    "http-no-artifact-store", "503: this server has no artifact store",
        "`artifacts` of its settings says where bytes are kept: a folder, or a store of objects.";
    "http-artifact-store-down", "503: the artifact store does not answer",
        "Or its disk is full. Send the request again after a while. Nothing was created; artifacts that were accepted are safe.";
    "http-unavailable", "503: the database does not answer",
        "Send the request again after a while; with an `Idempotency-Key` that creates no second run. Runs that were accepted are \
         safe.";

    "G1", "an answer of success means that it is on disk",
        "A finding of it means that stored bytes are damaged or are not what was written: a failing disk, a file that was \
         copied while it was in use, or another program that wrote to it. Stop what uses the database, keep a copy, and \
         restore a backup.";
    "G2", "no task is lost",
        "Each task is over, or in exactly one place where it waits for something. A finding is a bug of Ork.";
    "G3", "attempts are counted from 1, without a gap",
        "A task runs at least once, and each retry is a new attempt. A finding is a bug of Ork.";
    "G4", "each attempt is settled once",
        "One outcome of an attempt is accepted; state, events and counters change with it in one commit. A finding is a bug \
         of Ork.";
    "G5", "what waits for several tasks starts once",
        "Counters of dependencies agree with the tasks that they count. A finding is a bug of Ork.";
    "G6", "the events of a run have no gap",
        "They are numbered from 1, in the order of their commits. A finding is a bug of Ork, or events were deleted by hand.";
    "G7", "no run gets stuck",
        "A run ends when its tasks have ended, and not before. A finding is a bug of Ork.";
    "G10", "what was cancelled does not start",
        "A finding is a bug of Ork.";
    "G13", "a task that takes its worker down three times is quarantined",
        "Failures and losses are counted with each attempt. A finding is a bug of Ork.";
    "G14", "limits hold",
        "A concurrency key has no more slots taken than it allows. A finding is a bug of Ork.";
    "G15", "what belongs to a run names it",
        "Rows of one run name that run and its workspace alone. A finding is a bug of Ork, or rows were changed by hand.";
};

/// Every page.
pub fn all() -> impl Iterator<Item = &'static Code> {
    codes::ALL.iter().chain(PAGES)
}

/// The page of a code; case does not matter, `ORK-` and `http-` may be left out, and a bare number is an exit code.
pub fn find(code: &str) -> Option<&'static Code> {
    let names = [code.to_owned(), format!("ORK-{code}"), format!("exit-{code}"), format!("http-{code}")];
    all().find(|known| names.iter().any(|name| known.code.eq_ignore_ascii_case(name)))
}

/// The code that was meant: one with the same digits, or that begins like it.
pub fn near(code: &str) -> Option<&'static str> {
    let code = code.to_ascii_uppercase();
    let digits: String = code.chars().filter(char::is_ascii_digit).collect();
    let is_near = |known: &&Code| {
        (digits.len() > 2 && known.code.ends_with(&digits)) || (code.len() > 6 && known.code.starts_with(&code))
    };
    all().find(is_near).map(|known| known.code)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    /// What stands between the quotes that follow each `before` in a source file.
    fn quoted(path: &str, before: &str) -> Vec<String> {
        let path = format!("{}/../{path}", env!("CARGO_MANIFEST_DIR"));
        let text = fs::read_to_string(path).expect("a source file");
        text.split(before).skip(1).filter_map(|rest| rest.split('"').next().map(str::to_owned)).collect()
    }

    #[test]
    fn every_code_that_is_printed_has_a_page() {
        let guarantees =
            [quoted("ork-core/src/check.rs", "\", \"G"), quoted("ork/src/commands/doctor.rs", "Some(\"G")].concat();
        assert!(guarantees.len() > 20, "{guarantees:?}");
        for number in guarantees {
            assert!(find(&format!("g{number}")).is_some(), "G{number}");
        }
        let exits =
            fs::read_to_string(format!("{}/src/exit_code.rs", env!("CARGO_MANIFEST_DIR"))).expect("a source file");
        let exits = exits.lines().filter_map(|line| line.strip_prefix("    ")?.strip_suffix(',')?.split_once(" = "));
        let exits: Vec<&str> = exits.map(|(_, number)| number).collect();
        assert_eq!(exits.len(), 11);
        assert!(exits.iter().all(|number| find(number).is_some()), "{exits:?}");
        assert!(ork_server::Code::ALL.iter().all(|code| find(code.word()).is_some()));
    }

    #[test]
    fn codes_are_unique_and_misspelt_ones_are_recognised() {
        let mut known: Vec<&str> = all().map(|page| page.code).collect();
        let total = known.len();
        known.sort_unstable();
        known.dedup();
        assert_eq!(known.len(), total);
        let check = |code: &str| near(code).unwrap_or("-");
        assert_eq!(
            ["E0410", "ork0410", "ORK-E041", "ORK-E9999", "G99", "nonsense"].map(check),
            ["ORK-E0410", "ORK-E0410", "ORK-E0410", "-", "-", "-"]
        );
    }
}
