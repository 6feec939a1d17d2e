-- Users are found by the telephone numbers of their profiles, however people have written those.
CREATE INDEX profiles_by_phone ON profiles
  (organization_id, replace(replace(replace(replace(replace(phone, ' ', ''), '-', ''), '.', ''), '(', ''), ')', ''));
