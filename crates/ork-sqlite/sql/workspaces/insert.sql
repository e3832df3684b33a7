-- Both the id and the name are unique: a row that is there already is looked at afterwards.
INSERT INTO workspaces (id, name, settings, created_at) VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING
