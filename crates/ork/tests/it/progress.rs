//! A run followed in a terminal.

use rustix::process::Signal;

use crate::home::{Home, ORK};
use crate::terminal::Terminal;

/// Two that wait for a file each, and one after them that fails.
const FLOW: &str = "\
tasks:
  list: {run: \"echo '[1, 2]'\", output: stdout_json}
  cut:
    depends_on: [list]
    each: \"{{ tasks.list.output }}\"
    run: |
      echo \"frame $N of 9\"
      echo 40 encoding >>$ORK_PROGRESS
      while ! test -f go && test -d .; do sleep 0.05; done
    env: {N: \"{{ task.item }}\"}
  merge: {depends_on: [cut], run: \"echo 'no such file: out.mp4' >&2; exit 3\"}
";

fn terminal(home: &Home, line: &str, columns: u16) -> Terminal {
    let mut command = home.program(ORK);
    command.args(line.split(' '));
    Terminal::start(command, 24, columns)
}

#[test]
fn what_is_at_work_is_seen_and_what_failed_stays() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    let run = terminal(&home, "run flow.yaml --jobs 2", 100);
    run.wait_for("40 % encoding  frame 2 of 9");
    insta::assert_snapshot!(home.masked(&run.text()), @r"
    flow  run_ID  3 tasks
      success    list  TIME
      running    ━━━━━───────────────  TIME  1 of 4 tasks done, 2 at work
      running    cut/0  TIME  40 % encoding  frame 1 of 9
      running    cut/1  TIME  40 % encoding  frame 2 of 9
    ");
    home.file("go", "");
    let (code, screen) = run.end();
    assert_eq!(code, Some(1));
    let text = home.masked(&screen.text());
    let lines: Vec<&str> = text.lines().filter(|line| !line.contains(" cut/")).collect();
    insta::assert_snapshot!(lines.join("\n"), @r"
    flow  run_ID  3 tasks
      success    list  TIME
      failed     merge  exited with code 3 after TIME

    failed: merge: exited with code 3 after TIME
      | no such file: out.mp4
    ✗ failed  flow  run_ID in TIME: 1 of 4 tasks failed or cancelled
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    next: ork runs retry run_ID
      or, with the file as it is by then: ork run flow.yaml --from merge
    ");
    assert!(text.contains("  success    cut/0  TIME\n") && text.contains("  success    cut/1  TIME\n"), "{text}");
}

#[test]
fn nothing_flickers() {
    let home = Home::new();
    home.file(
        "flow.yaml",
        "tasks:\n  many: {count: 40, run: 'sleep 0.1; test $ORK_TASK_INDEX != 7'}\non_failure: continue\n",
    );
    let (code, screen) = terminal(&home, "run flow.yaml --jobs 8", 100).end();
    assert_eq!(code, Some(1));
    let text = String::from_utf8(screen.bytes).unwrap();
    let frames: Vec<&str> = text.split("\x1b[?2026h").skip(1).collect();
    assert!(frames.len() > 3, "{text:?}");
    for frame in frames {
        let (frame, _) = frame.split_once("\x1b[?2026l").expect("a frame that is ended");
        // Lines are overwritten; what is erased is to the right of a text, or below all of them.
        let erased: Vec<usize> = frame.match_indices("\x1b[J").map(|(at, _)| at).collect();
        assert_eq!(erased, [frame.len() - 3], "{frame:?}");
        assert!(!frame.contains("\x1b[2J") && !frame.contains("\x1b[2K") && !frame.contains("\n\x1b[K"), "{frame:?}");
    }
}

#[test]
fn a_narrow_window_breaks_nothing() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    let run = terminal(&home, "run flow.yaml --jobs 2", 100);
    run.wait_for("40 % encoding  frame 2 of 9");
    run.resize(24, 36);
    run.wait_for("40 % en…");
    let text = run.text();
    assert!(text.lines().all(|line| line.chars().count() <= 36), "{text}");
    assert_eq!(text.matches("1 of 4 tasks").count(), 1, "drawn once:\n{text}");
    home.file("go", "");
    assert_eq!(run.end().0, Some(1));
}

#[test]
fn colours_are_left_out_when_asked_and_the_picture_stays() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    let mut command = home.program(ORK);
    command.args(["run", "flow.yaml", "--jobs", "2"]).env("NO_COLOR", "1");
    let run = Terminal::start(command, 24, 100);
    run.wait_for("40 % encoding  frame 2 of 9");
    home.file("go", "");
    let (_, screen) = run.end();
    let text = String::from_utf8(screen.bytes).unwrap();
    let color = regex::Regex::new("\x1b\\[[0-9;]*m").unwrap();
    assert!(text.contains("━") && !color.is_match(&text), "{text:?}");
}

#[test]
fn a_terminal_in_ci_a_dumb_one_and_a_pipe_have_lines_only() {
    for (variable, value) in [("CI", "true"), ("TERM", "dumb"), ("ORK_PROGRESS", "plain")] {
        let home = Home::new();
        home.file("flow.yaml", FLOW);
        home.file("go", "");
        let mut command = home.program("/bin/sh");
        command.args(["-c", &format!("{variable}={value} exec ork run flow.yaml")]);
        let (code, screen) = Terminal::start(command, 24, 100).end();
        let text = String::from_utf8(screen.bytes).unwrap();
        assert!(code == Some(1) && !text.contains("\x1b[?2026h") && text.contains("success"), "{variable}: {text:?}");
    }
}

#[test]
fn silence_is_kept_until_the_end() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    home.file("go", "");
    insta::assert_snapshot!(home.says("run flow.yaml --progress none"), @r"
    exit 1
    --- stderr
    flow  run_ID  3 tasks

    failed: merge: exited with code 3 after TIME
      | no such file: out.mp4
    ✗ failed  flow  run_ID in TIME: 1 of 4 tasks failed or cancelled
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    next: ork runs retry run_ID
      or, with the file as it is by then: ork run flow.yaml --from merge
    ");
    assert_eq!(home.says("runs watch last --progress none").matches("success").count(), 0);
    assert!(home.says("run flow.yaml --progress loud").starts_with("exit 2\n"));
}

#[test]
fn ctrl_c_is_answered_above_the_picture() {
    let home = Home::new();
    home.file("flow.yaml", FLOW);
    let run = terminal(&home, "run flow.yaml --jobs 2", 100);
    run.wait_for("40 % encoding  frame 2 of 9");
    run.signal(Signal::INT);
    let (code, screen) = run.end();
    let text = screen.text();
    assert_eq!(code, Some(3), "{text}");
    assert!(text.contains("\ncancelling: 2 tasks at work, with 5 s to stop; Ctrl-C again kills\n"), "{text}");
    assert!(!text.contains("━") && text.contains("✗ cancelled"), "{text}");
}

#[test]
fn what_a_task_writes_cannot_draw_on_the_screen() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a: {run: \"printf '\\\\033[2J\\\\033]0;owned\\\\007evil\\\\n'; while ! test -f go && test -d .; do sleep 0.05; done; exit 1\"}\n");
    let run = terminal(&home, "run flow.yaml", 100);
    run.wait_for("  evil");
    home.file("go", "");
    let (_, screen) = run.end();
    let text = String::from_utf8(screen.bytes).unwrap();
    assert!(!text.contains("\x1b[2J") && !text.contains("\x1b]") && text.contains("evil"), "{text:?}");
}

#[test]
fn what_tasks_write_is_shown_when_asked() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  a:\n    run: printf 'one\\ntwo\\033[2J'\n  b: {depends_on: [a], count: 2, run: 'echo part $ORK_TASK_INDEX >&2'}\n");
    let said = home.says("run flow.yaml --logs");
    for line in ["a | one", "a | two\\x1b[2J", "b/0 | part 0", "b/1 | part 1"] {
        assert!(said.contains(&format!("\n{line}\n")), "{line}\n{said}");
    }
    assert!(!home.says("run flow.yaml").contains("one"));
}

#[test]
fn a_wide_group_has_one_line_at_its_end() {
    let home = Home::new();
    home.file("flow.yaml", "tasks:\n  many: {count: 30, run: 'true'}\n  some: {depends_on: [many], count: 20, run: 'test $ORK_TASK_INDEX != 7'}\non_failure: continue\n");
    let said = home.says("run flow.yaml");
    assert!(said.contains("\n  success    many (30 tasks)\n"), "{said}");
    assert!(said.contains("\n  failed     some (20 tasks)  19 success, 1 failed\n"), "{said}");
}

#[test]
fn too_many_failures_are_told_by_kind() {
    let home = Home::new();
    let flow = "tasks:\n  many: {count: 300, run: 'exit $((ORK_TASK_INDEX % 10 == 0 ? 4 : ORK_TASK_INDEX % 25 == 1 ? 5 : 0))'}\non_failure: continue\n";
    home.file("flow.yaml", flow);
    let (code, screen) = terminal(&home, "run flow.yaml --jobs 4", 100).end();
    assert_eq!(code, Some(1));
    let text = home.masked(&screen.text());
    let end = text.find("✗ failed").map(|at| &text[at..]).unwrap_or(&text);
    insta::assert_snapshot!(end, @r"
    ✗ failed  flow  run_ID in TIME: 42 of 300 tasks failed or cancelled
       30 × exited with code 4: many/0, many/10, many/20 and 27 more
       12 × exited with code 5: many/1, many/26, many/51 and 9 more
    history: HOME/.local/share/ork/ork.db (ork runs show run_ID)
    next: ork runs retry run_ID
      or, with the file as it is by then: ork run flow.yaml --from many
    ");
}
