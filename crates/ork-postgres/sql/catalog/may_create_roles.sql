SELECT r.rolsuper OR r.rolcreaterole FROM pg_roles r WHERE r.rolname = current_user
