-- As `set_tenant`, for what reads along a key: its plan is made once for each connection, and never scans a table.
SELECT set_config('ork.workspace', $1, true), set_config('ork.owner', $2, true),
       set_config('plan_cache_mode', 'force_generic_plan', true), set_config('enable_seqscan', 'off', true)
