-- Least privilege on PostgreSQL. Run as the owner of Basira's tables (who also runs `basira db upgrade`), with the right
-- to create roles, after each upgrade; it may be run again. Then give the roles to the users that connect:
--     CREATE ROLE basira_service LOGIN PASSWORD '...' IN ROLE basira_app;
-- None of the three may change or delete a row of an append-only table; the triggers refuse it to the owner as well.

DO $$
DECLARE
  name text;
BEGIN
  FOREACH name IN ARRAY ARRAY['basira_app', 'basira_auditor', 'basira_privacy'] LOOP
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = name) THEN
      EXECUTE format('CREATE ROLE %I NOLOGIN', name);
    END IF;
  END LOOP;
END $$;

GRANT SELECT ON operations_format, alembic_version TO basira_app, basira_auditor, basira_privacy;

-- The service and the commands: they add to the record, and keep their own state.
GRANT SELECT, INSERT ON targeting_run, decision, event, audit_event, personal_value, risk_rule, risk_rule_step,
  risk_list, risk_list_change, risk_list_entry, risk_list_end, risk_list_value, risk_register TO basira_app;
GRANT SELECT, INSERT, UPDATE ON chain_head, selection_state, app_user, api_key, declaration_status, item_result,
  day_count, declaration_officer TO basira_app;
GRANT SELECT, INSERT ON document TO basira_app;
GRANT SELECT, INSERT, UPDATE, DELETE ON user_role, user_session, login_attempt, oidc_login, idempotency_key,
  refused_body TO basira_app;
GRANT USAGE ON SEQUENCE login_attempt_attempt_id_seq TO basira_app;

-- Auditors: everything, but for what recognises a password, a key or a session.
GRANT SELECT ON targeting_run, decision, event, audit_event, chain_head, personal_value, user_role, selection_state,
  refused_body, risk_rule, risk_rule_step, declaration_status, item_result, day_count, declaration_officer, document, risk_list, risk_list_change,
  risk_list_entry, risk_list_end, risk_list_value, risk_register TO basira_auditor;
GRANT SELECT (user_id, login, display_name, oidc_subject, is_active, must_change_password, created_at,
  password_changed_at) ON app_user TO basira_auditor;
GRANT SELECT (key_id, name, scopes, created_at, created_by, expires_at, revoked_at, replaced_by, last_used_at,
  offices) ON api_key TO basira_auditor;

-- Erasure of personal data (`basira audit erase`): by a user of its own, and always audited.
GRANT SELECT, DELETE ON personal_value, risk_list_value TO basira_privacy;
GRANT SELECT, DELETE ON refused_body, idempotency_key TO basira_privacy;
GRANT SELECT, INSERT ON audit_event TO basira_privacy;
GRANT SELECT, INSERT, UPDATE ON chain_head TO basira_privacy;
