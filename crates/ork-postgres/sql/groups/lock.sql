-- Locks what a change needs, always in the same order, so that two changes never wait for each other in a circle: the
-- groups named, and their children, or all groups of the run where the change or the group ("deep") can reach further.
-- What is read before the lock (`children`, `deep`) never changes.
SELECT gr.run_id, gr.g, gr.key, gr.children, gr.parents, gr.run_if, gr.deep, gr.evaluated, gr.lane, gr.priority,
       gr.concurrency_key, gr.concurrency_limit, gr.retry, gr.at_most_once, gr.phase, gr.first, gr.rest, gr.size, gr.items,
       gr.tasks_left, gr.tasks_bad, gr.tasks_unmet, gr.parents_left, gr.parents_bad, gr.parents_unmet, gr.ended
FROM (
    SELECT DISTINCT s.run_id, reached.g
    FROM unnest($1::uuid[], $2::integer[], $3::boolean[]) AS s (run_id, g, whole)
    CROSS JOIN LATERAL (
        SELECT own.g, own.children, s.whole OR own.deep AS whole
        FROM groups own WHERE own.run_id = s.run_id AND own.g = s.g OFFSET 0
    ) AS own
    CROSS JOIN LATERAL (
        SELECT own.g
        UNION ALL
        SELECT unnest(own.children) WHERE NOT own.whole
        UNION ALL
        SELECT every.g FROM groups every WHERE every.run_id = s.run_id AND own.whole
    ) AS reached (g)
    ORDER BY s.run_id, reached.g OFFSET 0
) AS wanted
CROSS JOIN LATERAL (
    SELECT * FROM groups own WHERE own.run_id = wanted.run_id AND own.g = wanted.g FOR NO KEY UPDATE
) AS gr
