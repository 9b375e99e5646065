# A reader of the table of docs/database.md has no session: neither a column of it nor a hash
# of one is an id, nor is it the cookie of a section with the same keys. Its statement deletes
# expired rows and no others, and the program of
# docs/rotation.md seals rows again that nobody writes.

use strict;
use warnings;

use Digest::SHA  qw(sha256_hex);
use List::Util   qw(min);
use MIME::Base64 qw(encode_base64);
use Test::More;
use Time::HiRes  qw(time);

use SessionCrypto::Database     qw($STATEMENTS);
use SessionCrypto::DatabasePage qw(cleaning cookie_section database server session_of);
use SessionCrypto::Httpd        ();
use SessionCrypto::KeySets      qw(key key_id key_set);
use SessionCrypto::Pages        qw(blocks);
use SessionCrypto::Postgres     ();
use SessionCrypto::System       qw(run);

my $database = database();
my $old      = key('old');
my $httpd    = server($database, name => 'ids', key => $old)->start;
my $client   = $httpd->client;

subtest 'the table has no id' => sub {
    my $id = $client->get('/', 'X-S' => 'user=joe')->token;
    is(session_of($client->get('/', session => $id)), 'user=joe', 'an id leads to its session');
    my ($row) = $database->query("select * from session where key = '" . sha256_hex($id) . "'");
    my @columns = split /\t/, $row // '';
    is(scalar(@columns), 5, 'whose row has a hash of the id');
    unlike($row, qr/\Q$id\E|joe/, 'and neither the id nor anything of the session');
    is(session_of($client->get('/', session => $_)), '', "'" . substr($_, 0, 8) . "...' is no id") for @columns, map { sha256_hex($_) } @columns;
};

subtest 'with the statements of the manual it has' => sub {
    my $manual = SessionCrypto::Postgres->new;
    $manual->query('create table session (key text primary key, value text, expiry bigint)');
    my $stock = server($manual, name => 'manual', lines => sub { s/^DBDPrepareSQL.*\n//mg; s/\z/$STATEMENTS/ })->start;
    $stock->client->get('/', 'X-S' => 'user=joe');
    my ($column) = $manual->query('select key from session');
    is(session_of($stock->client->get('/', session => $column)), 'user=joe', 'a column that is an id');
    $stock->stop;
    $stock->log->clean;
    $manual->stop;
};

# Its keys are those of the lines around it.
for my $case (
    ['with the lines of the page',         '',         sub { }],
    ['without a purpose of its own',       'user=joe', sub { s/^ +SessionCryptoPurpose .*\n//m or die }],
    ['without a purpose',                  'user=joe', sub { s/^ *SessionCryptoPurpose .*\n//mg == 2 or die }],
) {
    my ($what, $taken, $change) = @$case;
    subtest "a section with sessions in cookies, $what" => sub {
        my $both = server($database, name => 'both', key => $old, lines => sub { $_ .= cookie_section(); $change->() })->start;
        my $ask  = sub { my ($path, $name, $token) = @_; return session_of($both->client->get($path, Cookie => "$name=$token")) };
        my $id   = $both->client->get('/', 'X-S' => 'user=joe')->token;
        my $row  = "where key = '" . sha256_hex($id) . "'";
        my $shop = $both->client->get('/shop/', 'X-S' => 'user=joe')->token('shop');
        is($ask->('/shop/', shop => $shop), 'user=joe', 'has its own sessions');
        is($ask->('/', session => $id), 'user=joe', 'beside those of the table');
        is($ask->('/shop/', shop => $database->query("select value from session $row")), $taken, 'which are ' . ($taken ? '' : 'no ') . 'cookies of it');
        $database->query("update session set value = '$shop' $row");
        is($ask->('/', session => $id), $taken, 'and its cookies are ' . ($taken ? '' : 'no ') . 'rows');
        $database->query("delete from session $row");
        $both->stop;
        $both->log->expect(qr/session_crypto:info\] .*SC0105: session refused/, 'another purpose') if !$taken;
        $both->log->clean;
    };
}

subtest 'who may write to the table' => sub {
    my ($mine, $other) = map { $client->get('/', 'X-S' => "user=$_")->token } qw(mallory jane);
    my $set = sub { $database->query("update session set value = $_[0] where key = '" . sha256_hex($mine) . "'") };
    $set->("(select value from session where key = '" . sha256_hex($other) . "')");
    is(session_of($client->get('/', session => $mine)), 'user=jane', 'can copy the session of another person');
    $set->("'user=jane'");
    is(session_of($client->get('/', session => $mine)), '', 'and cannot make one up');
    $httpd->log->expect(qr/session_crypto:info\] .*session refused/, 'which is refused');
    $database->query("delete from session where key = '" . sha256_hex($mine) . "'");
};

subtest 'other names of statements' => sub {
    my $named = server($database, name => 'named', key => $old, config => "<Location \"/section\">\nSessionDBDCookieRemove Off\n</Location>\n", lines => sub {
        s/selectsession$/my_select/m or die;
        $_ .= "SessionDBDSelectLabel my_select\n";
    })->start;
    my $id = $named->client->get('/', 'X-S' => 'user=joe')->token;
    is(session_of($named->client->get('/', session => $id)), 'user=joe', 'are good outside of sections');
    is(session_of($named->client->get('/section', session => $id)), '', 'and forgotten in one with a directive of mod_session_dbd');
    cmp_ok(scalar($named->log->lines(qr/AH01852: .*'selectsession'/)), '>', 0, 'as the log says');
    $named->stop;
    $named->log->expect(qr/AH01852|AH01816/, 'the section');
    $named->log->clean;
};

subtest 'an id that is none' => sub {
    my $rows = count();
    my %JUNK = (
        'a quote'               => "'; drop table session; --",
        'a backslash'           => '\\000',
        'an escape of bytea'    => '\\x00ff',
        'a wildcard'            => '%',
        'bytes that no UTF-8 is' => "\xff\xfe",
        'a long one'            => 'a' x 100_000,
    );
    for my $what (sort keys %JUNK) {
        my $response = $client->get('/', session => $JUNK{$what});
        is($response->status . ':' . session_of($response), '200:', "$what leads to no session");
    }
    is(count(), $rows, 'and changes nothing');
    my $fastest = min(map { my $began = time; $client->get('/', session => "x$_"); time - $began } 1 .. 20);
    cmp_ok($fastest, '<', 0.1, 'the driver does not sleep because of it');
};

subtest 'SessionDBDPerUser' => sub {
    my $of_users = server($database, name => 'of-users', key => $old, with => ['auth_basic'],
        lines => sub { s/^SessionDBDCookieName .*$/SessionDBDPerUser On/m }, config => <<'END');
<Location "/">
    AuthType Basic
    AuthName users
    AuthBasicProvider file
    AuthUserFile users
    Require valid-user
</Location>
END
    $of_users->write_file('users', join '', map { "$_:{SHA}" . encode_base64(pack('H*', Digest::SHA::sha1_hex($_)), '') . "\n" } qw(joe jane));
    $of_users->start;
    my $as = sub { my ($user, @headers) = @_; return $of_users->client->get('/', Authorization => 'Basic ' . encode_base64("$user:$user", ''), @headers) };
    $as->('joe', 'X-S' => 'page=1');
    is(session_of($as->('joe')), 'page=1', 'a user has a session');
    is(session_of($as->('jane')), '', 'that another user does not have');
    $as->('joe', 'X-S' => 'page=2');
    is(session_of($as->('joe')), 'page=2', 'which changes');
    my @rows = $database->query("select is_old, first = key from session where key = '" . sha256_hex('joe') . "'");
    is_deeply(\@rows, ["f\tt"], 'in one row with a hash of the name');
    my @inserted = map { $database->query("select insert_session('$_', 0, 'jane')") } 1, 2;
    is("@inserted", 't t', 'the first requests of a user, side by side, can both insert it');
    $database->query("select delete_session('jane')");
    $as->('joe', 'X-S' => 'page=');
    is(session_of($as->('joe')), '', 'and ends');
    $of_users->stop;
    $of_users->log->clean;
};

subtest 'rows that have expired' => sub {
    my @ids = map { $client->get('/', 'X-S' => "user=$_")->token } 1 .. 3;
    my ($expired, $soon, $never) = map { sha256_hex($_) } @ids;
    $database->query("update session set expiry = (extract(epoch from now()) - 1) * 1000000 where key = '$expired'");
    $database->query("update session set expiry = (extract(epoch from now()) + 60) * 1000000 where key = '$soon'");
    $database->query("update session set expiry = 0 where key = '$never'");
    is(session_of($client->get('/', session => $ids[0])), '', 'an expired row is no session');
    my $rows = count();
    is($rows - count("key <> '$expired'"), 1, 'and stays in the table');
    $database->query(cleaning());
    is(count(), $rows - 1, 'until the statement deletes one row');
    is(count("key in ('$soon', '$never')"), 2, 'and neither one that expires later nor one without an end');
    my $plan = join "\n", $database->query('set enable_seqscan = off; explain ' . cleaning());
    like($plan, qr/Scan (?:using|on) session_expiry .*\n *Index Cond: \(expiry < /, 'and it looks them up in the index');
};

subtest 'rows that nobody writes' => sub {
    my @ids   = map { $client->get('/', 'X-S' => "user=row$_")->token } 1 .. 20;
    my $stale = count();
    my $new   = key('new');
    $httpd->write_file('session-keys', key_set($old, { %$new, nbf => int(time) - 1 }), 0600);
    $httpd->restart;
    is(session_of($client->get('/', session => $ids[0])), 'user=row1', 'a row is read under the new key');
    my $of_old = sub { scalar grep { key_id($_) eq 'old' } $database->query('select value from session') };
    is($of_old->(), $stale, 'and stays under the old one');
    rekey($httpd->dir);
    is($of_old->(), 0, 'until the program has sealed all of them again');
    $httpd->write_file('session-keys', key_set($new), 0600);
    $httpd->restart;
    is(grep({ $client->get('/', session => $ids[$_ - 1])->body !~ /\buser=row$_\b/ } 1 .. @ids), 0, 'and all open without the old key');
};

$httpd->stop;
$httpd->log->clean;

done_testing;

sub count {
    my ($where) = @_;
    return ($database->query('select count(*) from session where ' . ($where // 'true')))[0];
}

# Runs the program of the page as it is, with the secrets that it has for this table.
sub rekey {
    my ($dir) = @_;
    my @blocks    = map { $_->{text} } blocks('docs/rotation.md', 'sh');
    my ($program) = grep { /psql/ && /rekey/ } @blocks;
    my ($secrets) = grep { /\Asecrets=.*\n\z/ } @blocks;
    $program =~ s/^secrets=.*\n/$secrets/m or die "no secrets in the program\n";
    local @ENV{qw(PATH PGHOST PGUSER PGDATABASE)} = $database->environment;
    my ($commands) = SessionCrypto::Httpd::env('HTSESSION') =~ m{^(.+)/};
    local $ENV{PATH} = "$commands:$ENV{PATH}";
    run('sh', '-c', "set -e\ncd '$dir'\n$program");
    return;
}
