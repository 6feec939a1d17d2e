INSERT INTO conversation_labels (organization_id, conversation_id, kind, label)
  SELECT DISTINCT c.organization_id, c.id, 'tag', t.value FROM conversations AS c,
    jsonb_array_elements_text(CASE WHEN c.tags IN ('', 'null') THEN '[]' ELSE c.tags END::jsonb) AS t (value);
INSERT INTO conversation_labels (organization_id, conversation_id, kind, label)
  SELECT DISTINCT c.organization_id, c.id, 'assignee', a.value ->> 'id' FROM conversations AS c,
    jsonb_array_elements(CASE WHEN c.assignees IN ('', 'null') THEN '[]' ELSE c.assignees END::jsonb) AS a (value);
