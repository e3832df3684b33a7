-- Those of workspaces, in order: after the heads of the runs and the budgets of the runs.
SELECT workspace_id, NULL::uuid AS run_id, period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros
FROM budgets WHERE workspace_id = ANY ($1::uuid[]) ORDER BY workspace_id, period FOR UPDATE
