-- Locks what a change needs, always in the same order, so that two changes never wait for each other in a circle: the
-- groups named, and their children, or all groups of the run where the change or the group ("deep") can reach further.
-- What is read before the lock (`children`, `deep`) never changes.
SELECT gr.run_id, gr.g, gr.key, gr.children, gr.parents, gr.run_if, gr.deep, gr.evaluated, gr.lane, gr.priority,
       gr.concurrency_key, gr.concurrency_limit, gr.retry, gr.at_most_once, gr.phase, gr.first, gr.rest, gr.size, gr.items,
       gr.tasks_left, gr.tasks_bad, gr.tasks_unmet, gr.parents_left, gr.parents_bad, gr.parents_unmet, gr.ended
FROM groups gr
JOIN (
    SELECT DISTINCT own.run_id, reached.g
    FROM unnest($1::uuid[], $2::integer[], $3::boolean[]) AS s (run_id, g, whole)
    JOIN groups own ON own.run_id = s.run_id AND own.g = s.g
    CROSS JOIN LATERAL (
        SELECT own.g
        UNION ALL
        SELECT unnest(own.children) WHERE NOT (s.whole OR own.deep)
        UNION ALL
        SELECT every.g FROM groups every WHERE every.run_id = own.run_id AND (s.whole OR own.deep)
    ) AS reached (g)
) AS wanted ON wanted.run_id = gr.run_id AND wanted.g = gr.g
ORDER BY gr.run_id, gr.g
FOR NO KEY UPDATE OF gr
