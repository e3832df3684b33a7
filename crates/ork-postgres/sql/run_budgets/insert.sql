INSERT INTO run_budgets (run_id, workspace_id, since, limit_tokens, limit_micros, used_tokens, used_micros, reserved_tokens, reserved_micros)
VALUES ($1, $2, 0, $3, $4, 0, 0, 0, 0)
