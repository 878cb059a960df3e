set sql_mode = 'NO_AUTO_VALUE_ON_ZERO,ALLOW_INVALID_DATES', time_zone = '+00:00'

create table kinds (
  id int unsigned zerofill auto_increment primary key,
  small tinyint, wide bigint unsigned, exact decimal(65,30), single float, half double, shown double(10,2), bits bit(64),
  word varchar(50), code char(5), latin varchar(20) character set latin1, japanese varchar(20) character set sjis,
  wide_word varchar(20) character set utf16, old text character set utf8, folded varchar(20) collate utf8mb4_bin,
  body longtext, fixed binary(4), variable varbinary(20), picture blob, place geometry, spot point,
  day date, at datetime(6), moment timestamp(3) null, span time(3), season year,
  choice enum('x', 'it''s', 'b\\c', '', 'é') default null, flags set('p', 'q', 'r'), tree json,
  twice bigint generated always as (wide * 2) virtual, kept varchar(60) generated always as (concat(word, '!')) stored,
  hidden int default 7
) default charset utf8mb4

insert into kinds (id, small, wide, exact, single, half, shown, bits, word, code, latin, japanese, wide_word, old, folded, body,
  fixed, variable, picture, place, spot, day, at, moment, span, season, choice, flags, tree) values
(1, -128, 9223372036854775807, 12345678901234567890123456789012345.123456789012345678901234567891, 0.1, 0.1, 0.1, 0,
  'it''s ), (\n\\ "x"; %s %', ' a  ', x'80e9811f', _sjis x'955c5c', _utf8mb4'é😀', 'Zoë', 'A', repeat('long ', 9000),
  x'00ff', x'275c00', x'00010203ff', st_geomfromtext('linestring(1 2, 3.5 4)', 4326), point(-1, 1e-300),
  '2024-02-29', '2024-01-01 00:00:00.000001', '2024-06-01 12:00:00.123', '-838:59:59', 2024, 'it''s', 'p,r', '{"a": [1, "é\\n"]}'),
(2, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null, null,
  null, null, null, null, null, null, null, null),
(3, 0, 0, 0, 3.4028234663852886e38, 1.7976931348623157e308, 12345678.12, 18446744073709551615, '', '', '', '', '', '', '', '', '', '',
  '', null, null, '0000-00-00', '0000-00-00 00:00:00', '0000-00-00 00:00:00', 0, 0, '', '', '[]'),
(0, 127, 1, -0.000000000000000000000000000001, 1.401298464324817e-45, 5e-324, -0.01, 1, '😀\r\n\t\0', 'é', 'é', 'ab', '\\', '\\', 'a',
  '\\\'', x'ffffffff', 'abc', 'abc', st_geomfromtext('polygon((0 0, 1 0, 1 1, 0 0))'), null, '2024-02-31', '9999-12-31 23:59:59.999999',
  '2038-01-19 03:14:07.999', '838:59:59', 2155, 'b\\c', 'q', '"\\u0000"'),
(4, 1, 18446744073709551615 / 2, 1.5, 16777217, 9007199254740993, 1, 5, 'NULL', 'NULL', 'NULL', '-', 'x', 'NULL', 'NULL', 'null',
  'NULL', 'NULL', 'NULL', null, null, '1000-01-01', '1000-01-01', '1970-01-01 00:00:01', '00:00:00.001', 1901, 'é', 'p', 'null'),
(5, 1, 1, 1, 123456792, 123456789012345680000, 1, 1, '’“„ naïve', '-', '-', '-', '-', '’', '-', '-', '-', '-', '-', null, null,
  '2024-00-00', '2024-01-00', '2024-10-27 01:30:00', '12:00:00', 2000, 'x', 'p,q,r', '1.0')
