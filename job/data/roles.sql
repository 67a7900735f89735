-- The parts that users of this database play, as roles without a login: a user is a member of one of them.
--   lorentzian_migrations  owns the tables: it alone may change or delete what is stored
--   lorentzian_collector   adds klines, feature rows, series and signals; changes nothing that is there
--   lorentzian_trainer     reads what it trains on, and nothing else
-- Applied as often as somebody asks for it: what is right already is left alone, so that the second time the rights
-- of lorentzian_migrations are enough. The schema is the one that the tables are in.
DO $roles$
DECLARE
    here  CONSTANT text := current_schema();
    part  text;
    item  record;
BEGIN
    FOREACH part IN ARRAY ARRAY['lorentzian_migrations', 'lorentzian_collector', 'lorentzian_trainer'] LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = part) THEN
            BEGIN
                EXECUTE format('CREATE ROLE %I NOLOGIN', part);
            EXCEPTION WHEN duplicate_object OR unique_violation THEN
                NULL;  -- roles belong to all databases of a server, and another one's migration was faster
            END;
        END IF;
        IF NOT has_schema_privilege(part, here, 'USAGE') THEN
            EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I', here, part);
        END IF;
    END LOOP;
    IF NOT pg_has_role('lorentzian_migrations', 'USAGE') THEN
        BEGIN  -- who gives a table away must belong to its new owner
            GRANT lorentzian_migrations TO CURRENT_USER;
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;  -- as above
        END;
    END IF;
    IF NOT has_schema_privilege('lorentzian_migrations', here, 'CREATE') THEN
        EXECUTE format('GRANT CREATE ON SCHEMA %I TO lorentzian_migrations', here);
    END IF;

    -- Postgres lets everybody make temporary tables, and before version 15 lasting ones too: enough to fill a disk.
    IF (SELECT pg_has_role(nspowner, 'USAGE') FROM pg_namespace WHERE nspname = here) THEN
        EXECUTE format('REVOKE CREATE ON SCHEMA %I FROM PUBLIC', here);
    END IF;
    IF (SELECT pg_has_role(datdba, 'USAGE') FROM pg_database WHERE datname = current_database()) THEN
        EXECUTE format('REVOKE TEMPORARY ON DATABASE %I FROM PUBLIC', current_database());
    END IF;
    FOREACH part IN ARRAY ARRAY['lorentzian_migrations', 'lorentzian_collector'] LOOP  -- they write by way of one
        IF NOT has_database_privilege(part, current_database(), 'TEMPORARY') THEN
            EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), part);
        END IF;
    END LOOP;

    FOR item IN
        SELECT oid::regclass AS relation, relowner, collector, trainer
        FROM (VALUES
            ('schema_migrations', 'SELECT',         'SELECT'),
            ('schema_expansions', 'SELECT',         'SELECT'),
            ('klines',            'SELECT, INSERT', 'SELECT'),
            ('feature_sets',      'SELECT, INSERT', 'SELECT'),
            ('features',          'SELECT, INSERT', 'SELECT'),
            ('series',            'SELECT, INSERT', 'SELECT'),
            ('signals',           'SELECT, INSERT', NULL)
        ) AS rights (name, collector, trainer)
        JOIN pg_class ON relname = name AND relnamespace = here::regnamespace
    LOOP
        IF item.relowner <> 'lorentzian_migrations'::regrole THEN
            EXECUTE format('ALTER TABLE %s OWNER TO lorentzian_migrations', item.relation);
        END IF;
        EXECUTE format('REVOKE ALL ON %s FROM lorentzian_collector, lorentzian_trainer', item.relation);
        EXECUTE format('GRANT %s ON %s TO lorentzian_collector', item.collector, item.relation);
        IF item.trainer IS NOT NULL THEN
            EXECUTE format('GRANT %s ON %s TO lorentzian_trainer', item.trainer, item.relation);
        END IF;
    END LOOP;
END
$roles$;
