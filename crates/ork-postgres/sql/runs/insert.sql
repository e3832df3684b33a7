-- The id of a run that is not kept any more is taken, too.
INSERT INTO runs (id, workspace_id, external_id, name, priority, plan_source, plan, input, triggered_by, retry_of, host,
                  in_process, project, concurrency_key, deadline_at, created_at, owner_id, workflow_id, revision_id,
                  webhook_url, webhook_secret, webhook_secret_name, webhook_events, webhook_format)
SELECT $1::uuid, $2::uuid, $3::text, $4::text, $5::integer, $6::text, $7::text::json, $8::text::json, $9::text, $10::uuid, $11::text,
       $12::boolean, $13::text, $14::text, $15::bigint, $16::bigint, $17::text, $18::uuid, $19::uuid,
       $20::text, $21::bytea, $22::text, $23::text, $24::text
WHERE NOT EXISTS (SELECT 1 FROM pruned_runs p WHERE p.run_id = $1)
ON CONFLICT (id) DO NOTHING
