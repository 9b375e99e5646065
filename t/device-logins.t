# Two logins in one browser have two sessions, and their registrations may come in either
# order. The session that the browser goes on with stays bound, whichever comes last. A cookie
# that another host of the domain has put there, of another user, keeps nobody from binding.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(KEY REGISTER SESSION);
use SessionCrypto::Device        ();
use SessionCrypto::DeviceKey     ();
use SessionCrypto::Httpd         ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $site = SessionCrypto::BoundSessions->new('device-logins', '');

for ([0, 'in the order of the logins', ['registered', 'registered']], [1, 'in reverse order', ['registered', 400]]) {
    my ($is_reversed, $order, $expected) = @$_;
    subtest "registrations $order" => sub {
        my $browser = browser();
        login($browser, 'joe');
        $site->wait(1);
        login($browser, 'joe');
        $browser->register(reversed => $is_reversed);
        is_deeply([$browser->happenings], [map { ['register', $_] } @$expected], 'registrations');
        $browser->set(refreshes => 1);
        my $device;
        for (1 .. 3) {
            $device = $site->device($browser->get('/'));
            $site->wait(600);
        }
        is($device, 'bound', 'the session is bound');
        is(scalar(grep { $_->[1] eq 'refreshed' } $browser->happenings), 3, 'and is refreshed each time');
        is(scalar($browser->sessions), 1, 'the browser keeps one session');
    };
}

subtest 'logins within a second are taken in the order in which they come' => sub {
    # Sooner or later, two are in one second.
    my ($browser, $began);
    do {
        ($browser, $began) = (browser(), time);
        login($browser, 'joe') for 1 .. 2;
    } while (time != $began);
    $browser->register(reversed => 1);
    is_deeply([$browser->happenings], [['register', 'registered'], ['register', 'registered']], 'both register');
};

subtest 'key cookies that do not count' => sub {
    my ($joe) = $site->theft;
    $site->wait(1);
    my $victim  = login(browser(), 'joe');
    my $nobody  = login(browser(), undef);
    $site->wait(1);
    my %planted = map { $_ => planted($_) } 'eve', 'joe', 'nobody';
    my $junk    = KEY . '=junk';
    my $older   = KEY . '=' . $joe->cookies->value(KEY);
    for (
        [$victim, 200, 'a younger session of another user', $planted{eve}],
        [$victim, 200, 'one without a user',                $planted{nobody}],
        [$nobody, 200, 'the same, before a session without a user', $planted{nobody}],
        [$victim, 200, 'an older session',                  $older],
        [$victim, 200, 'no cookie of this server',          $junk],
        [$victim, 400, 'a younger session of the same user', $planted{joe}],
        [$victim, 400, 'the same as the fourth cookie',     $junk, $planted{eve}, $older, $planted{joe}],
        [$victim, 200, 'the same as the fifth cookie',      ($junk) x 4, $planted{joe}],
    ) {
        my ($challenge, $status, $name, @cookies) = @$_;
        my $answer = $site->client->post(REGISTER, '', Cookie => join('; ', @cookies),
            'Secure-Session-Response' => SessionCrypto::DeviceKey->new('P-256')->registration($challenge));
        is($answer->status, $status, $name);
        is_deeply([$answer->header('set-cookie')], [], 'it keeps its cookies') if $status == 400;
    }
};

$site->stop;
my ($line) = $site->httpd->log->lines(qr/SC0855:/);
like($line, qr/session_crypto:info\] .*registration refused: the browser has bound a younger session of the same user/, 'the log says why');
$site->httpd->log->expect(qr/SC0855: /, 'refused registrations');
$site->httpd->log->expect(qr/SC0842: refresh refused/, 'the refresh of the earlier login');
$site->log_is_clean;
done_testing;

sub browser {
    return SessionCrypto::Device->new(servers => [$site->httpd], clock => sub { $site->time }, registers => 0, refreshes => 0);
}

# Logs a user in, and returns the challenge of the registration. The request goes out before
# the answer to another login has come.
sub login {
    my ($browser, $user) = @_;
    $browser->cookies->drop(SESSION);
    my $answer = $browser->get('/', 'X-S' => defined $user ? "user=$user" : 'cart=1');
    my ($challenge) = ($answer->header('secure-session-registration'))[0] =~ /challenge="([^"]+)"/;
    return $challenge;
}

# The key cookie of a session that begins now, as another host of the domain would set it.
sub planted {
    my ($user) = @_;
    my $browser = browser();
    login($browser, $user eq 'nobody' ? undef : $user);
    $browser->register;
    return KEY . '=' . $browser->cookies->value(KEY);
}
