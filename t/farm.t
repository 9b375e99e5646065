# A farm of three servers rotates its key by nothing but what htsession advises: when to push
# the file, how long to wait, and when the old key can go. No session is lost, neither of
# users who jump between the servers nor of those who come back just before their session
# ends. A server that has not got the file is named, and as long as it is behind or silent no
# key goes and none is made.

use strict;
use warnings;

use JSON::PP ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Clients qw(start_client stop_client);
use SessionCrypto::Httpd   ();
use SessionCrypto::KeySets qw(key_id);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::System  qw(read_file write_file);

use constant {
    LIFE     => 8,     # seconds that sessions live
    LEAD     => 8,     # seconds until a new key begins
    KEEP     => 90,    # seconds that the old key would open from then on
    LATE     => 2,     # a user comes back so many seconds before the session ends
    PATIENCE => 60,
    CLIENTS  => 2,
};

my $HTSESSION = SessionCrypto::Httpd::env('HTSESSION');
my $json      = JSON::PP->new->canonical;

my $work = SessionCrypto::Httpd->new(name => 'farm-files');
my $dir  = $work->dir;
my $haste = preload($dir, 'haste');

htsession('key', '-o', 'keys');
my @farm = map { server() } 1 .. 3;
push_to(@farm);
{
    # Each parent looks at its file twenty times as often as it does.
    local $ENV{LD_PRELOAD} = $haste;
    $_->start for @farm;
}
my @status = ('--status', map { url($_) } @farm);
my $old    = kid($farm[0]);

my @clients;
push @clients, start_client(\&visit) for 1 .. CLIENTS;

# Each refusal stands in words, and leaves the file as it is.
is_refused(7, qr/the key \Q$old\E would end in .* write --keep 8s or more, or limit/, 'a rotation that ends the key too early',
    'rotate', 'keys', '--lead', LEAD . 's', '--keep', LIFE - 1 . 's', @status);
my ($ran, $words) = htsession('rotate', 'keys', '--lead', LEAD . 's', '--keep', KEEP . 's', @status);
is($ran, 0, 'the key is rotated') or BAIL_OUT($words);
my $new = $json->decode(read_file("$dir/keys"))->{keys}[1]{kid};

# The file goes to two servers, and late to the third.
push_to(@farm[0, 1]);
my $advice = wait_for(sub { !grep { @{ $_->{troubles} } } @{ $_[0]{servers} }[0, 1] }, 'two servers have the file');
is($advice->{status}, 7, 'a server is behind');
my $stale = name($farm[2]);
like($advice->{errors}, qr/"error":"\Q$stale\E is behind, it lacks the key \Q$new\E of keys: push keys to it, and wait 30 seconds"/, 'and is named');
unlike($advice->{errors}, qr/\Q$_\E is behind/, 'and no other') for map { name($_) } @farm[0, 1];
my ($of_old) = grep { $_->{kid} eq $old } @{ $advice->{keys} };
ok(!$of_old->{may_go} && $of_old->{is_held}, 'no key can go');
is_refused(7, qr/\Q$stale\E is behind, it lacks the key \Q$new\E/, 'nor is another key made',
    'rotate', 'keys', '--lead', LEAD . 's', '--keep', KEEP . 's', @status);
push_to($farm[2]);
wait_for(sub { $_[0]{status} == 0 }, 'all servers have the file');
cmp_ok(time, '<', begins(), 'before the new key begins');

# The old key seals until then, and may not go.
my ($kept) = grep { $_->{kid} eq $old } @{ advice()->{keys} };
is("$kept->{reason} $kept->{may_go}", 'seals 0', 'the key that seals stays');
wait_for(sub { !grep { $_->{state} ne 'seals' } map { @{ $_->{on} } } grep { $_->{kid} eq $new } @{ $_[0]{keys} } }, 'all servers seal with the new key');

# From here the advice alone says when the old key goes, long before its end.
my $went = wait_for(sub { grep { $_->{kid} eq $old && $_->{may_go} } @{ $_[0]{keys} } }, 'the old key can go');
my ($gone) = grep { $_->{kid} eq $old } @{ $went->{keys} };
is($gone->{reason}, 'unused', 'because nobody used it');
my $set = $json->decode(read_file("$dir/keys"));
$set->{keys} = [grep { $_->{kid} ne $old } @{ $set->{keys} }];
write_file("$dir/keys", $json->encode($set));
push_to(@farm);
$advice = wait_for(sub { $_[0]{status} == 0 && !grep { $_->{kid} eq $old } @{ $_[0]{keys} } }, 'the old key is gone');
sleep LIFE;

my ($asked, $came_back, $kids, @failures) = stop_clients(@clients);
cmp_ok($asked, '>', CLIENTS * 50, "users jumped between the servers ($asked requests)");
cmp_ok($came_back, '>=', CLIENTS, "and $came_back came back late");
is($kids, 2, 'sessions were under both keys');
is_deeply(\@failures, [], 'no session was lost');
is_deeply([map { $_->log->lines(qr/session refused|:error\]/) } @farm], [], 'and no server refused one');

$farm[2]->stop;
is_refused(6, qr/\Q@{[url($farm[2])]}\E does not answer, the connection is refused: start the server/, 'a rotation while a server is silent',
    'rotate', 'keys', '--lead', LEAD . 's', '--keep', KEEP . 's', @status);

for my $server (@farm) {
    $server->stop;
    $server->log->expect(qr/\[session_crypto:notice\] .*has changed, and its keys are in force/, 'the pushes');
    $server->log->expect(qr/\[session_crypto:info\] .*session ended, .* reached the age of SessionCryptoMaxLifetime/, 'sessions of the whole test');
    $server->log->clean;
}

done_testing;

sub server {
    my $life = LIFE;
    return SessionCrypto::Httpd->new(name => 'farm', echo => '^/(?!status)', config => <<"END");
SessionCryptoKeyFile keys
SessionCryptoMaxLifetime ${life}s
<Location "/status">
    SetHandler session-crypto-status
    Require local
</Location>
END
}

sub name { return '127.0.0.1:' . $_[0]->port }
sub url  { return 'http://' . name($_[0]) . '/status' }

sub push_to {
    my (@servers) = @_;
    $_->write_file('keys', read_file("$dir/keys"), 0600) for @servers;
    return;
}

sub kid { return key_id($_[0]->client->get('/', 'X-S' => 'user=jane')->token) // '' }

# When the new key begins.
sub begins { return $json->decode(read_file("$dir/keys"))->{keys}[1]{nbf} }

# Runs the command, and returns its status and what it said.
sub htsession {
    my (@arguments) = @_;
    my $command = join ' ', map { "'$_'" } $HTSESSION, @arguments;
    my $status = system('sh', '-c', "cd '$dir' && $command >output 2>errors");
    return ($status >> 8, read_file("$dir/errors"), read_file("$dir/output"));
}

sub is_refused {
    my ($expected, $pattern, $what, @arguments) = @_;
    my $before = read_file("$dir/keys");
    my ($status, $errors) = htsession(@arguments);
    is($status, $expected, $what);
    like($errors, $pattern, 'is refused in words');
    is(read_file("$dir/keys"), $before, 'and the file stays');
    return;
}

sub advice {
    my ($status, $errors, $output) = htsession('keys', 'keys', '--json', @status);
    return { %{ $json->decode($output) }, status => $status, errors => $errors };
}

# Asks until the advice is as it should be.
sub wait_for {
    my ($condition, $what) = @_;
    my ($deadline, $advice) = (time + PATIENCE);
    while (time < $deadline) {
        $advice = advice();
        if ($condition->($advice)) {
            pass($what);
            return $advice;
        }
        sleep 0.2;
    }
    BAIL_OUT("not in time: $what: " . $json->encode($advice));
}

# Two users. One jumps between the servers with the cookie that it has; the other logs in, and
# comes back with that cookie just before the session ends. Each begins anew when its session is
# over. Returns how often they asked, how often a late one came back, the ids of the keys that
# they met, and what failed.
sub visit {
    my ($goes_on) = @_;
    srand $$;
    my (%jumper, @late, %kids, @failures);
    my ($asked, $came_back) = (0, 0);
    while ($goes_on->(0.05 + rand 0.1)) {
        # A late user comes each second or so.
        push @late, log_in() if !@late || time - $late[-1]{began} > 1;
        %jumper = %{ log_in() } if !%jumper || time - $jumper{began} > LIFE - LATE;
        for my $user (\%jumper, grep { time - $_->{began} > LIFE - LATE } @late) {
            $asked++;
            $kids{ key_id($user->{token}) } = 1;
            my $res = ask(session => $user->{token}) or next;
            # Lives are counted in whole seconds, so a session may end almost one early.
            push @failures, 'under ' . key_id($user->{token}) . ' after ' . (time - $user->{began}) . ": '" . $res->body . "'"
                if $res->body ne 'user=joe' && time - $user->{began} < LIFE - 1;
            $user->{token} = $res->token // $user->{token};
        }
        $came_back += @late;
        @late = grep { time - $_->{began} <= LIFE - LATE } @late;
        $came_back -= @late;
    }
    return ($asked, $came_back, join(' ', sort keys %kids), @failures);
}

sub log_in {
    my $began = time;
    my $res = ask('X-S' => 'user=joe');
    return { began => $began, token => $res->token };
}

# Asks one server after the other, as a balancer does.
sub ask {
    my (@headers) = @_;
    my $first = int rand @farm;
    for my $number (map { ($first + $_) % @farm } 0 .. $#farm) {
        my $res = eval { $farm[$number]->client->get('/', @headers) };
        return $res if $res && $res->status == 200;
    }
    die "no server answers\n";
}

sub stop_clients {
    my (@clients) = @_;
    my ($asked, $came_back, %kids, @failures) = (0, 0);
    for my $client (@clients) {
        my ($count, $back, $kids, @lines) = stop_client($client);
        $asked += $count;
        $came_back += $back;
        $kids{$_} = 1 for split / /, $kids;
        push @failures, @lines;
    }
    return ($asked, $came_back, scalar(keys %kids), @failures);
}
