SELECT workspace_id, NULL::uuid AS run_id, period, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros
FROM budgets WHERE workspace_id = $1 ORDER BY period
