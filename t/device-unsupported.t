# A browser that binds no sessions meets the same server as ever under `offer` and `enforce`:
# over many requests, each answer has the same bytes, but for one header where a session
# begins. `required` ends its session after the grace, and only then: nothing is written over
# it, applications are told, and a login begins another one.
#
# SESSION_CRYPTO_FULL=1 sends 1,000 requests to each server, and not 60.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Device  ();
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key key_set);
use SessionCrypto::Preload qw(preload);

use constant REQUESTS => $ENV{SESSION_CRYPTO_FULL} ? 1_000 : 60;
use constant GRACE    => 30;

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

# Requests: method, path, what is written to the session, other cookies, and whether the session
# is damaged.
my $seed = $ENV{SEED} // time;
srand $seed;
note("SEED=$seed");
my @walk = map {
    [
        (qw(GET GET GET HEAD POST PUT))[rand 6],
        '/walk' . ('', '/aged', '/none', "/$_?a=b")[rand 4],
        (undef, undef, undef, 'user=joe', "cart=$_", 'user=&cart=')[$_ == 1 ? 3 : rand 6],
        (undef, 'a=1', 'b="2"; c')[rand 3],
        rand 8 < 1,
    ]
} 1 .. REQUESTS;
my $KEYS  = key_set(key('key'));
my %LINES = (
    classic => "SessionCryptoPassphrase passphrase-of-device-tests\n",
    # Its keys need no time to be made.
    JWE     => "SessionCryptoKeyFile keys\n",
);
# A session that has a birth anyway is as long as before.
my $LIFE = "SessionCryptoMaxLifetime 8h\n";

for (
    ['JWE',                    'JWE',     $LIFE, 'off', 'offer', 'enforce', 'required 1h'],
    ['JWE without a lifetime', 'JWE',     '',    'offer', 'enforce'],
    ['classic',                'classic', $LIFE, 'enforce'],
) {
    my ($name, $format, $life, @modes) = @$_;
    my @servers = map { server($LINES{$format} . $life, $_)->start } '', @modes;
    subtest "$name: each answer has the same bytes" => sub {
        my ($none, @others) = map { walk($_, $life ne '') } @servers;
        cmp_ok(@{ $none->{begun} }, '>', 1, 'sessions begin');
        is_deeply($none->{offered}, [], 'and none is offered');
        for my $number (0 .. $#others) {
            my ($mode, $walked) = ($modes[$number], $others[$number]);
            my ($differs) = grep { $none->{answers}[$_] ne $walked->{answers}[$_] } 0 .. $#{ $none->{answers} };
            is($differs, undef, "$mode: no answer differs");
            diag("request $differs:\n$none->{answers}[$differs]\n--- and\n$walked->{answers}[$differs]") if defined $differs;
            is_deeply($walked->{offered}, $mode eq 'off' ? [] : $none->{begun}, 'but for the header with which a session begins');
        }
    };
    subtest "$name: a session from before" => sub {
        # A session of a server that gives none a birth is saved with one.
        my $saved = qr/^Set-Cookie: session=TOKEN;path=\/\r\n/m;
        my $token = $servers[0]->client->get('/', 'X-S' => 'user=joe')->token;
        my ($before, @answers) = map { $_->client->get('/walk', session => $token) } @servers;
        is($before->body, 'user=joe', 'it opens');
        for my $number (0 .. $#answers) {
            my ($mode, $answer) = ($modes[$number], $answers[$number]);
            my $text = plain($answer, 0);
            ok($text =~ s/$saved//, "$mode: it is saved") if $life eq '';
            is($text, plain($before, 0), "$mode: the answer is as it was");
            is_deeply([$answer->header('secure-session-registration')], [], "$mode: it is not offered");
        }
    };
    is_deeply([map { $_->log->lines(qr/SC08\d\d: /) } @servers], [], "$name: no line of a log is about devices");
    finish(@servers);
}

subtest 'required, when the grace is over' => sub {
    my $server = server($LINES{JWE}, 'required ' . GRACE . 's');
    my $passed = 0;
    {
        local $ENV{LD_PRELOAD} = preload($server->dir, 'clock');
        local $ENV{SESSION_CRYPTO_CLOCK} = $server->write_file('clock', $passed);
        $server->start;
    }
    my $client = $server->client;
    my $token  = $client->get('/', 'X-S' => 'user=joe')->token;
    my $bound  = SessionCrypto::Device->new(servers => [$server], clock => sub { time + $passed });
    $bound->get('/', 'X-S' => 'user=jim');
    $bound->get('/') for 1 .. 2;
    my $seen = sub { my ($answer) = @_; return [$answer->body, ($answer->header('x-device'))[0], $answer->header('set-cookie')] };
    # The birth was a while ago, so the last seconds are not asked for.
    $server->write_file('clock', $passed = GRACE - 20);
    is_deeply($seen->($client->get('/', session => $token)), ['user=joe', 'unbound'], 'a session opens before');
    $server->write_file('clock', $passed = GRACE);
    is_deeply($seen->($client->get('/', session => $token)), ['', 'refused'], 'and does not afterwards, which applications are told');
    is_deeply($seen->($client->get('/none', session => $token)), ['page', 'refused'], 'so that one can have a page that says why');
    is(scalar(() = $server->log->lines(qr/SC0825: session refused because of its device, .*: the session is not bound to a device, and its time for that is over/)), 2, 'and so does the log');
    my $again = $client->get('/', session => $token, 'X-S' => 'user=joe');
    is_deeply($seen->($client->get('/', session => $again->token)), ['user=joe', 'unbound'], 'a login begins another session');
    is(scalar(() = $again->header('secure-session-registration')), 1, 'which is offered');
    is_deeply($seen->($bound->get('/')), ['user=jim', 'bound'], 'a browser with a device goes on');
    $server->log->expect(qr/SC0825: session refused/, 'the end of the grace');
    finish($server);
};

subtest 'required, and a session from before' => sub {
    my ($none, $server) = map { server($LINES{JWE}, $_)->start } '', 'required ' . GRACE . 's';
    my $token  = $none->client->get('/', 'X-S' => 'user=joe')->token;
    my $client = $server->client;
    my @opened = ('Sec-Fetch-Mode' => 'navigate', 'Sec-Fetch-Dest' => 'document');
    # It would be young at each request, and so would a copy of it.
    my $answer = $client->get('/', session => $token);
    is_deeply([$answer->body, $answer->header('x-device'), $answer->header('set-cookie')], ['', 'refused'], 'is refused');
    $answer = $client->get('/', session => $token, @opened);
    is($answer->status, 403, 'and a person is told why');
    my ($told) = map { /\A([^;]+)/ } $answer->header('set-cookie');
    $answer = $client->get('/', Cookie => "session=$token; $told", @opened);
    is_deeply([$answer->status, $answer->body, $answer->header('set-cookie')], [200, ''], 'once');
    $answer = $client->get('/', session => $token, 'X-S' => 'user=jim');
    is(scalar(() = $answer->header('secure-session-registration')), 1, 'a login is offered');
    is($client->get('/', session => $answer->token)->body, 'user=jim', 'and has the grace');
    $server->log->expect(qr/SC0825: session refused/, 'the session from before');
    finish($none, $server);
};

done_testing;

sub server {
    my ($lines, $mode) = @_;
    my $device = $mode eq '' ? '' : "SessionCryptoDevice $mode\n";
    my $handler = $mode eq '' ? '' : "<Location /session-device>\nSetHandler session-crypto-device\n</Location>\n";
    my $server = SessionCrypto::Httpd->new(name => 'device-unsupported', tls => 1, one_child => 1, echo => '^/(?!session-device|none|page)', config => <<"END");
$lines$device$handler
ErrorDocument 404 "page"
<Location "/aged">
    SessionMaxAge 1800
</Location>
Header always set X-Device "%{SESSION_DEVICE}e" "expr=%{REQUEST_URI} !~ m#^/walk#"
END
    $server->write_file('keys', $KEYS, 0600);
    return $server;
}

# Sends the same requests to each server, and returns the numbers of those that began a session
# and of those that were offered to bind one, and the answers without what differs in any case.
sub walk {
    my ($server, $is_as_long) = @_;
    my $client = $server->client;
    my ($token, $has_user, @begun, @offered, @answers);
    for my $number (1 .. REQUESTS) {
        my ($method, $path, $writes, $others, $is_damaged) = @{ $walk[$number - 1] };
        my $sent    = $is_damaged && defined $token ? substr $token, 0, length($token) - 4 : $token;
        my @cookies = ($others // (), defined $sent ? "session=$sent" : ());
        my $answer = $client->request($method, $path, $method eq 'POST' ? 'x=y' : undef,
            @cookies ? (Cookie => join '; ', @cookies) : (), defined $writes ? ('X-S' => $writes) : ());
        push @offered, ($number) x (() = $answer->header('secure-session-registration'));
        push @answers, plain($answer, $is_as_long);
        my $set = $answer->token // next;
        my $was_open = defined $sent && $sent eq $token;
        my $had_user = $was_open && $has_user;
        $has_user = $set ne '' && ($writes // '') =~ /^user=joe/ || $had_user;
        # A login begins a session too.
        push @begun, $number if $set ne '' && (!$was_open || $has_user && !$had_user);
        $token = $set eq '' ? undef : $set;
    }
    return { begun => \@begun, offered => \@offered, answers => \@answers };
}

# The bytes of an answer without its time, the offer, and the random bytes of a session, of
# which only the number is the same.
sub plain {
    my ($answer, $is_as_long) = @_;
    my $text = $answer->text;
    $text =~ s/^Date: .*\r\n//m;
    $text =~ s/^Secure-Session-Registration: .*\r\n//mg;
    $text =~ s/\bexpiry=\d+/expiry=TIME/g;
    $text =~ s{(?<=session=)([\w.+/=-]{40,})(?=;)}{$is_as_long ? length $1 : 'TOKEN'}eg;
    return $text;
}

sub finish {
    my (@servers) = @_;
    for my $server (@servers) {
        $server->stop;
        $server->log->expect(qr/:info\] .*SC01\d\d: session refused/, 'damaged sessions');
        $server->log->clean;
    }
    return;
}
