INSERT INTO conversation_labels (organization_id, conversation_id, kind, label)
  SELECT DISTINCT c.organization_id, c.id, 'tag', t.value FROM conversations AS c,
    json_each(CASE WHEN c.tags IN ('', 'null') THEN '[]' ELSE c.tags END) AS t;
INSERT INTO conversation_labels (organization_id, conversation_id, kind, label)
  SELECT DISTINCT c.organization_id, c.id, 'assignee', json_extract(a.value, '$.id') FROM conversations AS c,
    json_each(CASE WHEN c.assignees IN ('', 'null') THEN '[]' ELSE c.assignees END) AS a;
