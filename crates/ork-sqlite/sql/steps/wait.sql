-- A step that waits for a gate. One whose reservation did not fit has not begun: what it is, its plan says.
INSERT INTO steps (run_id, n, attempt, round, position, try, workspace_id, name, phase, type, status, lease, input_tokens,
                   output_tokens, cached_tokens, cost_tokens, cost_micros, reserved_tokens, reserved_micros, started_at)
SELECT ?1, t.n, ?3, ?4, ?5, ?6, t.workspace_id, ?7,
       coalesce(json_extract(r.plan, '$.nodes[' || t.g || '].action.steps[' || ?5 || '].phase'), 'execution'),
       CASE WHEN ?8 THEN 'ai_action' ELSE 'gate' END, 'waiting', coalesce(t.lease, 0), 0, 0, 0, 0, 0, 0, 0, ?9
FROM tasks t JOIN runs r ON r.id = t.run_id
WHERE t.run_id = ?1 AND t.n = ?2
ON CONFLICT (run_id, n, attempt, round, position, try) DO UPDATE SET status = 'waiting' WHERE status = 'running'
