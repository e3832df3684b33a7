-- A group's tasks are its first number and the range of its others.
SELECT t.g, t.task_index, t.status, t.output
FROM groups gr
JOIN LATERAL (
    SELECT t.g, t.n, t.task_index, t.status, t.output FROM tasks t WHERE t.run_id = gr.run_id AND t.n = gr.first
    UNION ALL
    SELECT t.g, t.n, t.task_index, t.status, t.output FROM tasks t
    WHERE t.run_id = gr.run_id AND t.n BETWEEN gr.rest AND gr.rest + gr.size - 2
) AS t ON true
WHERE gr.run_id = $1 AND gr.g = ANY ($2::integer[]) AND ($3::uuid IS NULL OR gr.workspace_id = $3)
ORDER BY t.g, t.task_index
