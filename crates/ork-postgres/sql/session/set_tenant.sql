-- Whose rows the policies of `ork_api` show, until this transaction ends.
SELECT set_config('ork.workspace', $1, true), set_config('ork.owner', $2, true)
