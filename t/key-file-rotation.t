# A rotation with one push of one file: three servers, whose clocks are 2 seconds apart,
# turn to each new key by their clocks. Clients that jump between them lose no session, and
# no server refuses one. If the file comes late to a server, that server does not open the
# sessions under the new key until it has the file; it leaves their cookies alone, and its
# log names the key that is missing.
#
# SESSION_CRYPTO_FULL=1 has 20 clients and 10 keys of 20 seconds, and parents that look at
# their files every ten seconds, as they do.

use strict;
use warnings;

use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_id key_set);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::Waiting qw(wait_until);

my $full = $ENV{SESSION_CRYPTO_FULL};
# Seconds for which a key seals, and for which it opens after that.
my $period  = $full ? 20 : 6;
my $keep    = 20;
my $keys    = $full ? 10 : 3;
my $clients = $full ? 20 : 6;
use constant OFFSETS => (-2, 0, 2);

my $work = SessionCrypto::Httpd->new(name => 'key-file-rotation-files');
my $libraries = preload($work->dir, $full ? 'clock' : ('clock', 'haste'));

my @servers = map { server() } OFFSETS;
my $start   = int time;
my @keys    = map { numbered($_) } 0 .. $keys + 1;
push_to(\@servers, 1);
start_server($servers[$_], (OFFSETS)[$_]) for 0 .. $#servers;

my @asking;
push @asking, start_client(\&jump) for 1 .. $clients;
my $turned = 0;
for my $number (1 .. $keys) {
    # Each parent has read the file long before a clock comes to its newest key.
    push_to(\@servers, $number + 1) if $number < $keys;
    my $have_turned = sub { return !grep { (kid($_) =~ /(\d+)/ ? $1 : 0) < $number } @servers };
    $turned++ if wait_until($have_turned, begins($number + 2) - time);
}
my ($asked, $under, @failures) = stop_clients(@asking);
is($turned, $keys, "all servers turned to each of $keys keys by their clocks");
cmp_ok($asked, '>', $keys * $clients * 3, "$clients clients asked all the time ($asked requests)");
cmp_ok($under, '>=', $keys, 'and had tokens under each key');
is_deeply(\@failures, [], 'no session was lost, and no request failed');
is_deeply([map { $_->log->lines(qr/refused|:error\]/) } @servers], [], 'no server refused a session');
cmp_ok(scalar(map { $_->log->lines(qr/session opened under an older key/) } @servers), '>=', $clients, 'each client was moved to newer keys');

# The last server gets no file with the next key.
my $late = $servers[-1];
my $next = $keys + 1;
my @in_time = @servers[0 .. $#servers - 1];
my $joe = $late->client->get('/', 'X-S' => 'user=joe')->token;
push_to(\@in_time, $next);
wait_until(sub { !grep { kid($_) ne "key$next" } @in_time }, begins($next) + 30 - time) or die "no server turned\n";
is(kid($late), "key$keys", 'a server whose file is late seals as before');
is($_->client->get('/', session => $joe)->body, 'user=joe', 'which the others open') for @in_time;
my $token = $in_time[0]->client->get('/', 'X-S' => 'user=jim')->token;
is($in_time[1]->client->get('/', session => $token)->body, 'user=jim', 'the others open each other\'s sessions');
my $answer = $late->client->get('/', session => $token);
is($answer->body, '', 'the late one does not open theirs');
is($answer->token, undef, 'and leaves the cookie alone');
my @lines = $late->log->lines(qr/refused/);
is(@lines, 1, 'a line');
like($lines[0], qr/\[session_crypto:info\] .*session refused, the request goes on with an empty one: no key of this section's JWK Set has the token's key id, key$next$/, 'names the key that is missing');
is($in_time[1]->client->get('/', session => $token)->body, 'user=jim', 'nobody is logged out by that');
push_to([$late], $next);
ok(wait_until(sub { kid($late) eq "key$next" }, 30), 'once it has the file, it turns');
is($late->client->get('/', session => $token)->body, 'user=jim', 'and opens the same cookie');

$late->log->expect(qr/\[session_crypto:info\] .*session refused, .*, key$next$/, 'the key that is missing');
for my $server (@servers) {
    $server->stop;
    $server->log->expect(qr/\[session_crypto:notice\] .*has changed, and its keys are in force/, 'the pushes');
    $server->log->clean;
}

done_testing;

# When a key begins, in Unix seconds.
sub begins { return $start + $_[0] * $period }

sub numbered {
    my ($number) = @_;
    my $begins = begins($number);
    return key("key$number", nbf => $number ? $begins : $start - 60, exp => $begins + $period + $keep);
}

sub server {
    return SessionCrypto::Httpd->new(name => 'key-file-rotation', config => "SessionCryptoKeyFile keys\n");
}

sub start_server {
    my ($server, $offset) = @_;
    local $ENV{SESSION_CRYPTO_CLOCK} = $server->write_file('clock', $offset);
    local $ENV{LD_PRELOAD} = $libraries;
    $server->start;
    return;
}

# Writes one text to the file of each server: the keys up to a number, without those that
# have ended everywhere.
sub push_to {
    my ($servers, $number) = @_;
    my $text = key_set(grep { $_->{exp} > time - 3 } @keys[0 .. $number]);
    $_->write_file('keys', $text, 0600) for @$servers;
    return;
}

# The id of the key that a server seals under.
sub kid { return key_id($_[0]->client->get('/', 'X-S' => 'user=jane')->token) // '' }

# Logs in, jumps between the servers with the cookie that it has, and returns how often it
# asked, the number of keys that it met, and what failed.
sub jump {
    my ($goes_on) = @_;
    srand $$;
    my $token = $servers[rand @servers]->client->get('/', 'X-S' => 'user=joe')->token;
    my ($asked, %kids, @failures) = (0);
    while ($goes_on->(rand 0.2)) {
        my $number = int rand @servers;
        my $res = eval { $servers[$number]->client->get('/', session => $token) };
        $asked++;
        $kids{ key_id($token) } = 1;
        if (!$res || $res->status != 200 || $res->body ne 'user=joe') {
            push @failures, "server $number, under " . key_id($token) . ': ' . ($@ || 'status ' . $res->status . ', body ' . $res->body);
            next;
        }
        $token = $res->token // $token;
    }
    return ($asked, scalar(keys %kids), @failures);
}

sub stop_clients {
    my (@clients) = @_;
    my ($asked, $least, @failures) = (0);
    for my $client (@clients) {
        my ($count, $kids, @lines) = stop_client($client);
        $asked += $count;
        $least = $kids if !defined $least || $kids < $least;
        push @failures, @lines;
    }
    return ($asked, $least, @failures);
}
