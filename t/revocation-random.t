# Many clients log in and out at random, and sign out everywhere, while children of the
# server are killed and it restarts. Each answer agrees with a model: an ended session is ended in every process at
# once and for good, and no other session is ended.
#
# REVOCATION_SECONDS is how long it goes on, and SEED makes the clients ask the same.

use strict;
use warnings;

use POSIX ();
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Formats qw(seen);

use constant { CLIENTS => 16, SESSIONS => 30, COPIES => 6, USERS => 5, PATIENCE => 60 };

my $seconds = $ENV{REVOCATION_SECONDS} // 10;
my $seed    = $ENV{SEED} // int time;
note("SEED=$seed REVOCATION_SECONDS=$seconds");

# More children than clients could keep busy, so that requests go to all of them.
my $formats = SessionCrypto::Formats->new(name => 'revocation_random', one_child => 0, config => <<'END')->start;
SessionCryptoRevocation on
<LocationMatch "/aged$">
    SessionMaxAge 600
</LocationMatch>
<LocationMatch "/to-end$">
    SetHandler session-crypto-end-sessions
</LocationMatch>
END
my $httpd = $formats->httpd;
my @PAGES = map { ("$_/plain", "$_/aged") } grep { m{/cookie$} } SessionCrypto::Formats::paths();

for (['undisturbed', sub { }], ['restarts', \&restart], ['killed children', \&kill_child]) {
    my ($name, $disturb) = @$_;
    $formats->client->asks_again($name eq 'restarts');
    my ($requests, $ended, $all, @wrong) = run_clients($seconds / 3, $disturb, $name =~ /killed/);
    ok(!@wrong, "$name: all of the answers agree") or diag(map { "$_\n" } @wrong[0 .. ($#wrong > 9 ? 9 : $#wrong)]);
    cmp_ok($requests, '>', 50 * $seconds / 3, 'there were many');
    cmp_ok($ended,    '>', 10, 'and of ended sessions, too');
    cmp_ok($all,      '>', 10, 'and users signed out everywhere');
    note("$name: $requests requests, $ended of them with ended sessions; $all signed out everywhere");
}

$httpd->stop;
$httpd->log->expect(qr/\[session_crypto:info\] .*session ended, the request goes on/, 'copies of ended sessions');
$httpd->log->expect(qr/\[session_crypto:info\] .*a stop of the server forgets ended sessions/, 'there is no file=PATH');
$httpd->log->expect(qr/\[session_crypto:info\] .*(?:the sessions of a user are ended|no sessions ended: the session names no user)/, 'users who sign out everywhere');
$httpd->log->expect(qr/exit signal Killed|AH00161|AH00288|AH00484|AH03490|AH10159|AH10392/, 'children that the test kills, and that are all busy');
$httpd->log->clean;
$formats->stop;
done_testing;

sub restart { $httpd->graceful; return }

sub kill_child {
    my @children = $httpd->children;
    kill KILL => $children[rand @children] if @children;
    sleep 0.3;
    return;
}

# Runs all clients, and the disturbance beside them. Returns the number of requests, how
# many had ended sessions, how many signed out everywhere, and what is wrong.
sub run_clients {
    my ($seconds, $disturb, $may_fail) = @_;
    my $end = time + $seconds;
    my @clients;
    for my $number (1 .. CLIENTS) {
        my $pid = open my $answer, '-|' // die "fork: $!\n";
        if (!$pid) {
            srand $seed + $number;
            my $client = client($may_fail);
            eval { step($client) until time >= $end && (has_enough($client, $seconds) || time >= $end + PATIENCE); 1 }
                or wrong($client, "died: $@");
            print "$_\n" for @$client{qw(requests ended all)}, @{ $client->{wrong} };
            close STDOUT;
            POSIX::_exit(0);
        }
        push @clients, $answer;
    }
    while (time < $end) { $disturb->(); sleep 0.05 }
    my ($requests, $ended, $all, @wrong) = (0, 0, 0);
    for my $answer (@clients) {
        my ($client_requests, $client_ended, $client_all, @client_wrong) = readline $answer;
        chomp @client_wrong;
        $requests += $client_requests // 0;
        $ended    += $client_ended // 0;
        $all      += $client_all // 0;
        push @wrong, @client_wrong, defined $client_all ? () : 'a client has not come to its end';
    }
    return ($requests, $ended, $all, @wrong);
}

# Whether a client has asked for its share of what the test counts, on a slow machine too.
sub has_enough {
    my ($client, $seconds) = @_;
    return $client->{requests} > 50 * $seconds / CLIENTS && $client->{ended} && $client->{all};
}

# A client has sessions. A session has copies of its cookie, its user, and whether it lives.
sub client {
    my ($may_fail) = @_;
    return { sessions => [], requests => 0, ended => 0, all => 0, wrong => [], may_fail => $may_fail };
}

sub wrong {
    my ($client, $words) = @_;
    push @{ $client->{wrong} }, "client $$, request $client->{requests}: $words";
    return;
}

# One request at random, and what the model says of it.
sub step {
    my ($client) = @_;
    my $sessions = $client->{sessions};
    my $dice     = rand;
    if (!@$sessions || $dice < 0.1) {
        my $page = $PAGES[rand @PAGES];
        my $user = user($page);
        my $res  = ask($client, $page, undef, "user=$user") // return;
        return begin($client, $page, $user, $res);
    }
    my $index   = rand @$sessions;
    my $session = $sessions->[$index];
    my $copy    = $session->{copies}[rand @{ $session->{copies} }];
    my $page    = $session->{page};
    $page =~ s/(?:plain|aged)$/rand() < 0.5 ? 'plain' : 'aged'/e;

    return end_all($client, $index, $copy) if $dice > 0.94;

    # The entries that the request sets, and their effect on the session.
    my ($set, $effect, $user) = ('cart=' . int rand 100, 'goes on');
    if    ($dice < 0.30) { $set = undef }
    elsif ($dice < 0.45) { ($set, $effect) = ('user=&cart=', 'ends') }
    elsif ($dice < 0.50) { ($set, $effect) = ('user=', 'ends') }
    elsif ($dice < 0.60) {
        $user = user($page);
        ($set, $effect) = ("user=$user", $user eq $session->{user} ? 'goes on' : 'another');
    }
    elsif ($dice < 0.70) { $user = $session->{user}; $set = "user=$user" }

    my $res = ask($client, $page, $copy, $set);
    if (!$res) {
        # It may have taken effect or not.
        splice @$sessions, $index, 1 if $effect ne 'goes on';
        return;
    }
    my $found = seen($res)->{session} // '';
    my ($seen) = $found =~ /(?:^|&)user=([^&]*)/;
    $client->{ended}++ if !$session->{lives};
    my $expected = $session->{lives} ? $session->{user} : 'nobody';
    $seen //= 'nobody';
    wrong($client, "$page with '" . ($set // 'no change') . "' saw '$found', not the session of $expected") if $seen ne $expected;

    if (!$session->{lives}) { begin($client, $page, $user, $res) if defined $user }
    elsif ($effect eq 'ends')    { $session->{lives} = 0 }
    elsif ($effect eq 'another') { $session->{lives} = 0; begin($client, $page, $user, $res) }
    elsif (length($res->token // '')) {
        push @{ $session->{copies} }, $res->token;
        splice @{ $session->{copies} }, rand COPIES, 1 if @{ $session->{copies} } > COPIES;
    }
    elsif (defined $set) { wrong($client, "$page with '$set' was not saved") }
    return;
}

# A user of this client alone, and of one format, because users of different keys differ.
sub user { my ($page) = @_; return join '-', $$, $page =~ m{^/(\w+)}, int rand USERS }

# Signs out everywhere.
sub end_all {
    my ($client, $index, $copy) = @_;
    my $sessions = $client->{sessions};
    my $session  = $sessions->[$index];
    my $page     = $session->{page} =~ s/\w+$/to-end/r;
    my $user     = $session->{user};
    my $res      = ask($client, $page, $copy);
    if (!$res) {
        @$sessions = grep { $_->{user} ne $user } @$sessions;
        return;
    }
    my $expected = $session->{lives} ? 204 : 403;
    wrong($client, "$page: status " . $res->status . ", not $expected") if $res->status != $expected;
    return if !$session->{lives};
    $client->{all}++;
    $_->{lives} = 0 for grep { $_->{user} eq $user } @$sessions;
    return;
}

sub begin {
    my ($client, $page, $user, $res) = @_;
    my $token = $res->token;
    return wrong($client, "$page: the login of $user was not saved") if !length($token // '');
    my $sessions = $client->{sessions};
    push @$sessions, { page => $page, user => $user, lives => 1, copies => [$token] };
    splice @$sessions, rand @$sessions, 1 if @$sessions > SESSIONS;
    return;
}

# Returns nothing if a child was killed before it answered.
sub ask {
    my ($client, $page, $cookie, $set) = @_;
    $client->{requests}++;
    my @headers = (defined $cookie ? (session => $cookie) : (), defined $set ? ('X-S' => $set) : ());
    my $ends    = $page =~ /to-end$/;
    my $res     = eval { $ends ? $formats->post($page, '', @headers) : $formats->get($page, @headers) };
    return $res if $res && ($res->status == 200 || $ends && $res->status =~ /^(?:204|403)$/);
    wrong($client, "$page: " . ($res ? 'status ' . $res->status : $@)) if !$client->{may_fail} || $res && $res->status;
    return;
}
