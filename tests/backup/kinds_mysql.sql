create table kinds (a int primary key, b varchar(50), c varbinary(20),
  d datetime(6), e double, f json, g bit(9), h decimal(20,5), i int generated always as (a * 2) stored, j timestamp null, k year, l enum('x','y'))

insert into kinds (a, b, c, d, e, f, g, h, j, k, l) values (1, 'it''s ), (\n\\ "x"', x'00ff27', '2024-01-01 00:00:00.000001', 0.1, '{"a": [1]}', b'101', 1.5, '2024-06-01 12:00:00', 2024, 'y'),
(2, null, null, null, null, null, null, null, null, null, null),
(3, '', '', null, -0.0, '[]', 0, 0, null, 0, 'x')

create table `odd ``name` (a int)

create view v as select a from kinds

create trigger touched before insert on kinds for each row begin set new.b = 'INSERT INTO `kinds` VALUES (1);'; end

create procedure p() begin insert into kinds (a) values (9); end
