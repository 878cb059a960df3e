create table person (id char(36) primary key, mail varchar(100) not null unique, level int)

create table place (id varchar(20) primary key, person_id char(36), note text,
  foreign key (person_id) references person (id) on delete cascade)

create table visit (person_id char(36), place_id varchar(20), at datetime(3), seen int not null,
  primary key (person_id, place_id),
  constraint visit_person foreign key (person_id) references person (id),
  constraint visit_place foreign key (place_id) references place (id) on delete cascade)

create table log (id int auto_increment primary key, visitor char(36),
  foreign key (visitor) references person (id) on delete set null)

create table plain (id int primary key) engine = MyISAM

create table loose (code int not null, part varchar(9) not null, gap int, unique (gap), unique two (code, part))

create table keyless (a varchar(9), b varchar(9))

create table searched (id int primary key, body text, fulltext words (body))

create table split (id int primary key, body text) partition by hash (id) partitions 3

create trigger before_person before insert on person for each row set new.level = 9

create trigger after_person after delete on person for each row insert into keyless values (old.id, '')

insert into person values ('a', 'a@club.example', 1), ('b', 'b@club.example', 2), ('c', 'c@club.example', 3)

insert into place values ('p1', 'a', 'x'), ('p2', 'a', null), ('p3', 'b', '')

insert into visit values ('b', 'p1', now(3), 1), ('b', 'p3', now(3), 2), ('a', 'p3', now(3), 3), ('c', 'p3', now(3), 4)

insert into log values (1, 'a'), (2, 'b')

insert into keyless values ('ab', 'c'), ('a', 'bc'), ('', null), (null, '')

insert into searched values (1, 'some words')

insert into split values (1, 'some words')
