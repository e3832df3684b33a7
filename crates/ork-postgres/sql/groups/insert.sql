-- `children` comes as text (`{1,2}`): arrays of arrays must be rectangular.
INSERT INTO groups (run_id, workspace_id, g, key, children, parents, run_if, deep, evaluated, lane, priority, concurrency_key,
                    concurrency_limit, retry, at_most_once, phase, first, rest, size, items, tasks_left, tasks_bad, tasks_unmet,
                    parents_left, parents_bad, parents_unmet, ended)
SELECT $1, $2, s.g, s.key, s.children::integer[], s.parents, s.run_if, s.deep, s.evaluated, s.lane, s.priority,
       s.concurrency_key, s.concurrency_limit, s.retry::json, s.at_most_once, s.phase, s.first, s.rest, s.size, s.items::json,
       s.tasks_left, s.tasks_bad, s.tasks_unmet, s.parents_left, s.parents_bad, s.parents_unmet, s.ended
FROM unnest($3::integer[], $4::text[], $5::text[], $6::integer[], $7::text[], $8::boolean[], $9::boolean[], $10::text[],
            $11::integer[], $12::text[], $13::bigint[], $14::text[], $15::boolean[], $16::text[], $17::integer[], $18::integer[],
            $19::integer[], $20::text[], $21::integer[], $22::integer[], $23::integer[], $24::integer[], $25::integer[],
            $26::integer[], $27::text[])
     AS s (g, key, children, parents, run_if, deep, evaluated, lane, priority, concurrency_key, concurrency_limit, retry,
           at_most_once, phase, first, rest, size, items, tasks_left, tasks_bad, tasks_unmet, parents_left, parents_bad,
           parents_unmet, ended)
