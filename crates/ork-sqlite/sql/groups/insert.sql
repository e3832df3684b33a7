INSERT INTO groups (run_id, g, workspace_id, key, children, parents, run_if, deep, evaluated, lane, priority,
                    concurrency_key, concurrency_limit, retry, at_most_once, phase, first, rest, size, items, tasks_left,
                    tasks_bad, tasks_unmet, parents_left, parents_bad, parents_unmet, ended)
VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22, ?23, ?24, ?25, ?26, ?27)
