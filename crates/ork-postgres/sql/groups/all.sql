SELECT gr.run_id, gr.g, gr.key, gr.children, gr.parents, gr.run_if, gr.deep, gr.evaluated, gr.lane, gr.priority,
       gr.concurrency_key, gr.concurrency_limit, gr.retry, gr.at_most_once, gr.phase, gr.first, gr.rest, gr.size, gr.items,
       gr.tasks_left, gr.tasks_bad, gr.tasks_unmet, gr.parents_left, gr.parents_bad, gr.parents_unmet, gr.ended
FROM groups gr WHERE run_id = $1 ORDER BY g
