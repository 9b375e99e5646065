# A database that goes away and comes back costs nobody a session: requests go on without one
# meanwhile, and the cookie stays. With connections that are kept, sessions stay away after a
# restart of the database, as docs/database.md says, until httpd is restarted.

use strict;
use warnings;

use Test::More;

use SessionCrypto::DatabasePage qw(database server session_of);

my $database = database();
my $httpd    = server($database, name => 'away')->start;
my $client = $httpd->client;
my $id     = $client->get('/', 'X-S' => 'user=joe')->token;

for my $end (qw(stop kill)) {
    subtest "the database ends ($end)" => sub {
        $database->$end;
        my $response = $client->get('/', session => $id);
        is($response->status . ':' . $response->body, '200:', 'a request goes on without a session');
        is($response->token, undef, 'and keeps its cookie');
        $response = $client->get('/', session => $id, 'X-S' => 'user=jane');
        is($response->status, 200, 'a request that changes a session goes on, too');
        is($response->token, undef, 'and its cookie is not replaced, as nothing is saved');
        $database->start;
        is(session_of($client->get('/', session => $id)), 'user=joe', 'the session is there when the database is');
        $id = $client->get('/', session => $id, 'X-S' => 'user=joe')->token;
        is(session_of($client->get('/', session => $id)), 'user=joe', 'and can be changed');
    };
}

subtest 'a restart of the database' => sub {
    $database->stop;
    $database->start;
    is(session_of($client->get('/', session => $id)), 'user=joe', 'is not noticed') for 1 .. 10;
};

cmp_ok(scalar($httpd->log->lines(qr/AH01851/)), '>', 0, 'the log has the code of the page for a database that is away');
my @AWAY = (qr/AH00629: Can't connect to pgsql/, qr/AH01851: failed to acquire database connection/,
    qr/AH01816: error while loading the session/, qr/AH01822: error while saving the session/);
$httpd->log->expect($_, 'the database is away') for @AWAY;
$httpd->stop;
$httpd->log->clean;

subtest 'connections that are kept' => sub {
    # A kept connection that nobody has used yet would have its statements.
    my $kept = server($database, name => 'kept', lines => sub { s/^DBDPersist Off$/DBDMin 1\nDBDKeep 1\nDBDMax 1/m or die })->start;
    my $with = sub { return session_of($kept->client->get('/', session => $id)) };
    $id = $kept->client->get('/', 'X-S' => 'user=joe')->token;
    is($with->(), 'user=joe', 'a session is there');
    $database->stop;
    $database->start;
    $with->();
    $kept->log->clear;
    is($with->(), '', 'and after a restart of the database it is not') for 1 .. 10;
    is_deeply([$kept->log->lines(qr/\[(?:dbd|session\w*):(?:warn|error|crit)\]/)], [], 'without a line in the log');
    $kept->restart;
    is($with->(), 'user=joe', 'until httpd restarts') for 1 .. 10;
    $kept->stop;
    $kept->log->expect($_, 'the database is away') for @AWAY;
    $kept->log->clean;
};

done_testing;
