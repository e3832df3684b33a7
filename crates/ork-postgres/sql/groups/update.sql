UPDATE groups gr
SET phase = s.phase, rest = s.rest, size = s.size, items = s.items::json, tasks_left = s.tasks_left, tasks_bad = s.tasks_bad,
    tasks_unmet = s.tasks_unmet, parents_left = s.parents_left, parents_bad = s.parents_bad, parents_unmet = s.parents_unmet, ended = s.ended
FROM unnest($1::uuid[], $2::integer[], $3::text[], $4::integer[], $5::integer[], $6::text[], $7::integer[], $8::integer[],
            $9::integer[], $10::integer[], $11::integer[], $12::integer[], $13::text[])
     AS s (run_id, g, phase, rest, size, items, tasks_left, tasks_bad, tasks_unmet, parents_left, parents_bad, parents_unmet, ended)
WHERE gr.run_id = ANY (ARRAY[s.run_id]) AND gr.g = s.g
