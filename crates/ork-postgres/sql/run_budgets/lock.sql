-- Those of runs, in order: after their heads, before the budgets of workspaces.
SELECT workspace_id, run_id, 'total'::text AS period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros
FROM run_budgets WHERE run_id = ANY ($1::uuid[]) ORDER BY run_id FOR UPDATE
