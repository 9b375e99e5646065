# The store of ended sessions breaks in each way, once at a time: each call about a socket that an
# agent makes fails, under TLS and without, and each answer of the store is cut, missing, an error,
# of another type or no answer, while an agent reads the list, and while a logout is told.
#
# Each time, sessions go on; where news are required, they may read as empty until the agent has
# connected again. No cookie is replaced, no process dies, error_log has a line, and a moment later
# a logout counts on all servers.
#
# The server with TLS requires news. SESSION_CRYPTO_FULL=1 breaks each call and answer in all ways,
# and not in some, and has mpm_prefork too.

use strict;
use warnings;

use Errno      qw(ECONNRESET ETIMEDOUT);
use Test::More;
use Time::HiRes qw(sleep time);

use SessionCrypto::Httpd      ();
use SessionCrypto::Preload    qw(preload);
use SessionCrypto::Store      ();
use SessionCrypto::StoreProxy ();
use SessionCrypto::System     qw(write_file);
use SessionCrypto::Waiting    qw(wait_until);

# Seconds. An agent connects once a second, and waits two seconds for an answer.
use constant { PATIENCE => 30, SESSION => 'user=joe' };
# The other side ends the connection: see t/faults/sockets.c.
use constant ENDS => 0;
use constant IS_FULL => $ENV{SESSION_CRYPTO_FULL};
# Between two calls that break.
use constant STEP => IS_FULL ? 1 : 17;

# The agent is a process of its own under each MPM.
plan(skip_all => 'SESSION_CRYPTO_FULL=1 breaks stores under mpm_prefork too') if SessionCrypto::Httpd::env('MPM') eq 'prefork' && !IS_FULL;

my $session = "SessionCryptoPassphrase 'a passphrase of many bytes'\n";
my $files   = SessionCrypto::Httpd->new(name => 'store-faults-files')->dir;
my $sockets = preload($files, 'sockets');
my $store   = SessionCrypto::Store->new;
my $tls     = SessionCrypto::Store->new(tls => 1);
my %proxy   = (clear => SessionCrypto::StoreProxy->new($store, $files), tls => SessionCrypto::StoreProxy->new($tls, $files));
my $fault   = "$files/socket";
my $other   = server('other', $store->url);
my $other_tls = server('other-tls', $tls->url, 'ca-file=' . $tls->certificate);

# The work of the agents: connect, subscribe, write a mark and read the list; and tell of a logout. Each
# returns a function that knows whether they have done it.
my %DOING = (
    list => sub {
        my ($at) = @_;
        $at->{proxy}->drop;
        return sub { $at->{server}->log->lines(qr/SC060[14]/) };
    },
    logout => sub {
        my ($at) = @_;
        logout($at->{server}, $at->{token});
        return sub { body($at->{other}, $at->{token}) eq '' };
    },
);

my %required = (clear => '', tls => 'required');
my %at = (
    clear => { proxy => $proxy{clear}, other => $other, server => faulty('clear', $proxy{clear}->url) },
    tls   => { proxy => $proxy{tls}, other => $other_tls, server => faulty('tls', $proxy{tls}->url, 'ca-file=' . $tls->certificate, $required{tls}) },
);
for my $doing (sort keys %DOING) {
    for my $kind (sort keys %at) {
        my $name = "$kind, $doing";
        breaks("$name: sockets", $at{$kind}, $doing, $required{$kind}, $fault, ECONNRESET, ENDS, ETIMEDOUT);
        breaks("$name: answers", $at{$kind}, $doing, $required{$kind}, $proxy{$kind}->fault,
            grep { $kind eq 'clear' || /cut|end|twice|silence|junk/ } SessionCrypto::StoreProxy::kinds());
    }
}
for my $at (values %at) {
    $at->{server}->stop;
    $at->{server}->log->clean;
}
$_->stop for $other, $other_tls;
$_->log->clean for $other, $other_tls;
done_testing;

# Breaks one thing after another in each way, until there are no more.
sub breaks {
    my ($name, $at, $doing, $required, $file, @ways) = @_;
    my (@wrong, $count, $most, $end);
    my $turn = 0;
    for my $way (@ways) {
        my $first = 1 + $turn % ($end && $end < STEP ? $end : STEP);
        # Where not all break, there is no need to find the end again.
        for (my $number = $first; IS_FULL || $number < ($end // $number + 1); $number += STEP) {
            my $server = $at->{server};
            $at->{in}    = login($server);
            $at->{token} = login($server);
            $server->log->clear;
            write_file($file, "$number $way\n");
            chmod 0666, $file;
            my $is_done = $DOING{$doing}->($at);
            wait_until(sub { !-e $file || $is_done->() }, PATIENCE);
            my $has_come = !-e $file;
            unlink $file;
            for (grep { $_ } fault_of($at, $doing, $required)) {
                push @wrong, "$number $way: $_";
                diag("$name: $number $way: $_");
            }
            $end = $number if !$has_come;
            last if !$has_come;
            $count++;
            $most = $number if $number > ($most // 0);
        }
        $turn++;
    }
    is_deeply(\@wrong, [], "$name: @{[$count // 0]} breaks, of up to @{[$most // 0]} things");
    return;
}

# The fault of a server whose store has broken, or ''.
sub fault_of {
    my ($at, $doing, $required) = @_;
    my ($server, $other) = @$at{qw(server other)};
    my $start = time;
    my $res   = $server->client->get('/', session => $at->{in});
    return 'a request takes ' . (time - $start) . ' s' if time - $start > 1;
    return 'status ' . $res->status if $res->status != 200;
    return 'a session of ' . $res->body if $res->body ne SESSION && !($required && $res->body eq '');
    return 'a cookie: ' . $res->token if defined $res->token;
    # Each server tells the other of a logout.
    logout($server, $at->{token}) if $doing ne 'logout';
    return 'the other server does not know of a logout' if !wait_until(sub { body($other, $at->{token}) eq '' }, PATIENCE);
    my $token = login($other);
    return 'a session is not in' if !wait_until(sub { body($server, $at->{in}) eq SESSION }, PATIENCE);
    logout($other, $token);
    return 'no news of a logout elsewhere' if !wait_until(sub { body($server, $token) eq '' }, PATIENCE);
    return 'the logout does not last' if body($server, $at->{token}) ne '';
    my @lines = $server->log->lines;
    return 'a crash' if grep { /exit signal|panic/ } @lines;
    return 'no agent' if !$server->agent;
    return '';
}

sub server {
    my ($name, @store) = @_;
    my $httpd = SessionCrypto::Httpd->new(name => "store-faults-$name", one_child => 1, config => "${session}SessionCryptoRevocation @store\n")->start;
    $httpd->log->expect(qr/\[session_crypto:(?:info|notice|warn|error)\] .*SC06\d\d: /, 'what the agent says');
    $httpd->log->expect(qr/:info\].* session ended, the request goes on with an empty one/, 'a session that has ended');
    return $httpd;
}

sub faulty {
    local $ENV{LD_PRELOAD} = $sockets;
    local $ENV{SESSION_CRYPTO_SOCKET_FAULT} = $fault;
    return server(@_);
}

sub login { my ($httpd) = @_; return $httpd->client->get('/', 'X-S' => SESSION)->token }

sub logout {
    my ($httpd, $token) = @_;
    return $httpd->client->get('/', session => $token, 'X-S' => 'user=');
}

sub body { my ($httpd, $token) = @_; return $httpd->client->get('/', session => $token)->body }
