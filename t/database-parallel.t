# With the statements of docs/database.md, requests that run side by side with one session find
# it, whichever of them changes it. The former id of a session is good for half a minute, for
# what the session was then, and gives nobody the session of a later login.

use strict;
use warnings;

use Digest::SHA qw(sha256_hex);
use Test::More;

use SessionCrypto::Clients      qw(start_client stop_client);
use SessionCrypto::Database     qw($STATEMENTS);
use SessionCrypto::DatabasePage qw(database server session_of);
use SessionCrypto::Postgres     ();
use SessionCrypto::System       qw(read_file write_file);

use constant { CLIENTS => 4, WRITES => 100 };

my $database = database();
my $httpd    = server($database, name => 'parallel')->start;
my $client   = $httpd->client;

subtest 'the former id' => sub {
    my $former = $client->get('/', 'X-S' => 'user=joe&page=1')->token;
    my $id     = $client->get('/', session => $former, 'X-S' => 'user=joe&page=2')->token;
    isnt($id, $former, 'an application that changes a session gives it another id');
    is(found($former), 'user=joe&page=1', 'the former id leads to the session as it was');
    is(found($id), 'user=joe&page=2', 'and the new one to the session as it is');

    my $other = $client->get('/', session => $former, 'X-S' => 'user=joe&page=3')->token;
    is(found($other), 'user=joe&page=3', 'a second change with the former id has a session, too');
    is(found($id), 'user=joe&page=2', 'beside the first');

    later(60);
    is(found($former), '', 'the former id ends');
    is(found($_) =~ s/page=\d//r, 'user=joe&', 'and no other') for $id, $other;
};

subtest 'a former id that is used' => sub {
    my $former = $client->get('/', 'X-S' => 'user=joe')->token;
    my $id     = $client->get('/', session => $former, 'X-S' => 'user=joe&page=2')->token;
    my ($end)  = expiry($former);
    # Without SessionExpiryUpdateInterval, mod_session_dbd saves it with its expiry at each use.
    is($database->query("select update_session('v', 9e15::bigint, '$former', '$former')"), 1, 'is saved without an error');
    is((expiry($former))[0], $end, 'and lives no longer');
    $client->get('/', session => $former, 'X-S' => 'user=joe&page=3');
    is((expiry($former))[0], $end, 'nor by a change');
    is(found($former), 'user=joe', 'and is what it was');
};

subtest 'a login' => sub {
    my $planted = $client->get('/', 'X-S' => 'cart=1')->token;
    my $id      = $client->get('/', session => $planted, 'X-S' => 'cart=1&user=joe')->token;
    is(found($id), 'cart=1&user=joe', 'has a session');
    is(found($planted), 'cart=1', 'that the id from before it does not lead to');
};

# With SessionMaxAge, mod_session_dbd writes a row at a logout; else it deletes one.
for my $case (
    ['SessionMaxAge and SessionCryptoRevocation', 0, sub { }],
    ['SessionCryptoRevocation',                   0, sub { s/^SessionMaxAge.*\n//m }],
    ['neither',                                   0, sub { s/^(?:SessionMaxAge|SessionCryptoRevocation).*\n//mg }],
    ['SessionMaxAge',                             1, sub { s/^SessionCryptoRevocation.*\n//m }],
) {
    my ($what, $left, $lines) = @$case;
    subtest "a logout with $what" => sub {
        my $server = server($database, name => 'logout', lines => $lines)->start;
        my $ask    = sub { my ($id, @headers) = @_; return $server->client->get('/', session => $id, @headers) };
        my @ids    = ($server->client->get('/', 'X-S' => 'user=jane')->token);
        push @ids, $ask->($ids[-1], 'X-S' => "user=jane&page=$_")->token for 1 .. 3;
        my $stranger = $server->client->get('/', 'X-S' => 'user=joe')->token;
        $ask->($ids[-1], 'X-S' => 'user=&page=');
        # mod_session_dbd has a new id for the session of a person who has logged out.
        my $open = grep { session_of($ask->($_)) ne '' } @ids;
        ok($left ? $open == @ids : $open == 0, $left ? 'leaves the former ids for their half a minute' : 'ends the session under each of its ids') or diag($open);
        is(session_of($ask->($stranger)), 'user=joe', 'and no other session');
        my $planted = $server->client->get('/', 'X-S' => 'cart=1')->token;
        my $after   = $ask->($planted, 'X-S' => 'cart=1&user=joe')->token;
        $ask->($planted, 'X-S' => 'cart=');
        is(session_of($ask->($after)), 'cart=1&user=joe', 'nor does one with the id from before a login');
        $server->stop;
        $server->log->expect(qr/:info\].* session ended, the request goes on with an empty one/, 'the former ids');
        $server->log->clean;
    };
}

# Clients that share the cookies of one browser: each asks with the cookie that the last answer
# has set, and every other request changes the session.
sub race {
    my ($server) = @_;
    my $jar   = $server->dir . '/jar';
    write_file($jar, $server->client->get('/', 'X-S' => 'user=joe')->token);
    my @clients = map {
        start_client(sub {
            my ($goes_on) = @_;
            my ($asked, $empty) = (0, 0);
            while ($goes_on->(0.001) || $asked < WRITES) {
                my $response = $server->client->get('/', session => read_file($jar), $asked % 2 ? ('X-S' => "user=joe&page=$asked") : ());
                $asked++;
                $empty++ if session_of($response) !~ /^user=joe/;
                next if !$response->token;
                write_file("$jar.$$", $response->token);
                rename "$jar.$$", $jar or die "$jar: $!\n";
            }
            return ($asked, $empty);
        })
    } 1 .. CLIENTS;
    my ($asked, $empty) = (0, 0);
    for my $client (@clients) {
        my ($a, $e) = stop_client($client);
        $asked += $a;
        $empty += $e;
    }
    return ($asked, $empty);
}

subtest 'a browser with many requests at once' => sub {
    my ($asked, $empty) = race($httpd);
    cmp_ok($asked, '>=', CLIENTS * WRITES, 'asks');
    is($empty, 0, 'and finds its session in each answer');
};

subtest 'with the statements of the manual' => sub {
    my $manual = SessionCrypto::Postgres->new;
    $manual->query('create table session (key text primary key, value text, expiry bigint)');
    my $stock = server($manual, name => 'manual', lines => sub { s/^DBDPrepareSQL.*\n//mg; s/\z/$STATEMENTS/ })->start;
    my (undef, $empty) = race($stock);
    cmp_ok($empty, '>', 0, 'it finds none in some');
    $stock->stop;
    $stock->log->clean;
    $manual->stop;
};

$httpd->stop;
$httpd->log->clean;

done_testing;

sub found { return session_of($client->get('/', session => $_[0])) }

sub expiry { return $database->query("select expiry from session where key = '" . sha256_hex($_[0]) . "'") }

# Lets time go by for rows that another id has replaced.
sub later {
    my ($seconds) = @_;
    $database->query("update session set expiry = expiry - ${seconds} * 1000000::bigint where is_old");
    return;
}
