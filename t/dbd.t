# With mod_session_dbd, the cookie is the key of a row in a database. The module
# encrypts the session in that row.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Database     qw($STATEMENTS);
use SessionCrypto::DatabasePage qw(cleaning_sqlite table_sqlite);
use SessionCrypto::Httpd        ();

my ($lua)    = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
my $DATABASE = <<"END";
DBDriver sqlite3
DBDParams "\@DIR\@/sessions.db"
<Location /sql>
    Session Off
</Location>
END
my $SESSIONS = <<'END';
Session On
SessionEnv On
SessionHeader X-S
SessionDBDCookieName session path=/
SessionDBDCookieRemove Off
SessionCryptoPassphrase secret
<Location /rotated>
    SessionCryptoPassphrase new secret
    SessionCryptoCipher aes-256-gcm aes256
</Location>
<Location /with-long-cookie>
    Header always add Set-Cookie "other=@OTHER@"
</Location>
<Location /new>
    SessionCryptoPassphrase new
    SessionCryptoCipher aes-256-gcm
</Location>
END

my $OTHER = 'x' x 5000;
$SESSIONS =~ s/\@OTHER\@/$OTHER/;

# The table has to exist before httpd starts: a child prepares its statements before it
# runs DBDInitSQL. With one child there is one process, whose threads share a mutex.
# With several, a child that starts while another process writes would fail: APR-util's
# driver waits for SQLite's lock to run a statement, but not to prepare one.
my $httpd = SessionCrypto::Httpd->new(one_child => 1,
    session => '', config => $DATABASE, handlers => qq(LuaMapHandler ^/sql "$lua/sql.lua"));
my ($ok, $output) = $httpd->check;
plan skip_all => 'no driver for sqlite3: install libaprutil1-dbd-sqlite3'
    if !$ok && $output =~ /DBDriver|session_?dbd/i;
$httpd->start;
my $client = $httpd->client;
sql(one_line(table_sqlite()));
$httpd->stop;

$httpd->{config} = $DATABASE . $STATEMENTS . $SESSIONS;
$httpd->start;
$client = $httpd->client;
my $key = $client->get('/', 'X-S' => 'user=joe')->token;
like($key, qr/^[0-9a-f-]{36}$/, 'the cookie is a key');
my ($value) = sql('select value from session');
like($value // '', qr{^[A-Za-z0-9+/]{64,}=*$}, 'the row is sealed');
is($client->get('/', session => $key)->body, 'user=joe', 'and opens');
$httpd->stop;
$httpd->start;
$client = $httpd->client;
is($client->get('/', session => $key)->body, 'user=joe', 'also in another process');

sql("update session set value = 'user=mallory'");
is($client->get('/', session => $key)->body, '', 'a row in clear is not taken');
my $res = $client->get('/', session => $key, 'X-S' => 'user=joe');
is($client->get('/', session => $res->token // $key)->body, 'user=joe', 'and can be replaced');
unlike(join("\n", sql('select value from session')), qr/=joe/, 'by one that is sealed');

# A session under an old passphrase keeps its row's key, because requests under way have
# that key. The next session that is written is under the new passphrase.
$key = $client->get('/', 'X-S' => 'user=joe')->token;
($value) = sql("select value from session where key = '$key'");
$res = $client->get('/rotated', session => $key);
is($res->body, 'user=joe', 'a row under the second passphrase opens');
is($res->token // $key, $key, 'under the same key');
is((sql("select value from session where key = '$key'"))[0], $value, 'and is left alone');
$key = $client->get('/rotated', session => $key, 'X-S' => 'user=jane')->token // $key;
is($client->get('/new', session => $key)->body, 'user=jane', 'until it is written, under the first passphrase');

# mod_session_dbd deletes no expired row, and the statement of docs/database.md no other.
my %EXPIRY = (expired => (time - 10) * 1_000_000, 'to-come' => (time + 600) * 1_000_000, never => 0);
sql("insert into session (key, value, expiry) values ('$_', 'text', $EXPIRY{$_})") for sort keys %EXPIRY;
my ($rows) = sql('select count(*) from session');
sql(one_line(cleaning_sqlite()));
is((sql('select count(*) from session'))[0], $rows - 1, 'the statement deletes one row');
is(join(' ', sql("select key from session where value = 'text' order by key")), 'never to-come', 'which has expired');

# A session that no cookie would take, beside a cookie that browsers drop: neither is a
# reason for the warning of t/long-cookies.t.
my $large = 'user=joe&page=' . 'a' x 5000;
$res = $client->get('/with-long-cookie', 'X-S' => $large);
is(length(($res->token('other'))), 5000, 'an application sets a long cookie');
is($client->get('/', session => $res->token)->body, $large, 'and the database takes a long session');

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'the row in clear');
$httpd->log->clean;

done_testing;

# A statement of the page as it goes into a header.
sub one_line { return $_[0] =~ s{--.*}{}gr =~ s{\s+}{ }gr =~ s{ \z}{}r }

sub sql {
    my ($statement) = @_;
    return split /\n/, $client->get('/sql', 'X-Sql' => $statement)->body;
}
