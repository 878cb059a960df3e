-- What tells that a value of a streamed list may not be of its type, so that its list is checked item by item.
-- Text arrives without its JSON type: what reads like a number, a boolean, a list or an object may have been one.
create macro is_odd_text(v) as
  regexp_full_match(v, '(?s)[{\[].*|true|false|-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]+)?');
create macro is_odd_id(v) as
  regexp_full_match(v, '(?s)[{\[].*|true|false|-?[0-9]+(\.[0-9]+|(\.[0-9]+)?[eE][+-]?[0-9]+)');
create macro is_odd_count(v) as not regexp_full_match(v, '[0-9]{1,15}');
create macro is_odd_list(v) as
  case when v is null or v = '[]' then false else list_distinct(json_type(v, '$[*]')) <> ['VARCHAR'] end;
