# A thief has cookies of a session that is bound to a device. The tables say what each mode
# gives him for them, and when; none of his requests ends the session of its owner.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND KEY REFRESH SESSION value);
use SessionCrypto::Httpd         ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $site = SessionCrypto::BoundSessions->new('device-thief', 'SessionCryptoRevocation on');

# Seconds after the theft, and what offer, enforce and required say: u unbound, b bound,
# r refused, - no session.
my $TABLE = <<'END';
                        5     75    100   620   640
before                  uuu   uur   uur   uur   uur
before first            uuu   uuu   uur   uur   uur
before second           bbb   bbb   bbb   bbb   uur
before first second     bbb   bbb   bbb   bbb   uur
before key              uuu   uur   uur   uur   uur
marked                  rrr   rrr   rrr   rrr   rrr
marked first            bbb   bbb   rrr   rrr   rrr
marked second           bbb   bbb   bbb   bbb   rrr
marked second first     bbb   bbb   bbb   bbb   rrr
marked key              rrr   rrr   rrr   rrr   rrr
marked second key       bbb   bbb   bbb   bbb   rrr
first                   ---   ---   ---   ---   ---
second key              ---   ---   ---   ---   ---
END
my ($owner, $stolen) = $site->theft;
my ($head, @rows) = split /\n/, $TABLE;
my @moments = split ' ', $head;
my $waited = 0;
for my $moment (@moments) {
    $site->wait($moment - $waited);
    $waited = $moment;
    subtest "after $moment seconds" => sub {
        for (@rows) {
            my ($names, %told);
            ($names, @told{@moments}) = split /\s{2,}/;
            is($site->told_to(@$stolen{ split ' ', $names }), $told{$moment}, $names);
        }
        is($site->device($owner->get('/')), 'bound', 'the owner goes on');
    };
}

subtest 'cookies in the place of others' => sub {
    ($owner, $stolen) = $site->theft;
    my (undef, $other) = $site->theft;
    my ($before, $marked, $second, $key) = map { value($_) } @$stolen{qw(before marked second key)};
    my $challenge = ($owner->sessions)[0]{challenge};
    for (
        ['a bound cookie as the session',    '---', SESSION . "=$second"],
        ['a key cookie as the session',      '---', SESSION . "=$key"],
        ['a challenge as the session',       '---', SESSION . "=$challenge"],
        ['a session as the bound cookie',    'rrr', $stolen->{marked}, BOUND . "=$marked"],
        ['a key cookie as the bound cookie', 'rrr', $stolen->{marked}, BOUND . "=$key"],
        ['a challenge as the bound cookie',  'rrr', $stolen->{marked}, BOUND . "=$challenge"],
        ['junk as the bound cookie',         'rrr', $stolen->{marked}, BOUND . '=junk'],
        ['the bound cookie of another user', 'rrr', $stolen->{marked}, $other->{second}],
        ['the session of another user',      'rrr', $other->{marked}, $stolen->{second}],
        ['junk before the bound cookie',     'bbb', $stolen->{marked}, BOUND . '=junk', $stolen->{second}],
        ['junk behind the bound cookie',     'bbb', $stolen->{marked}, $stolen->{second}, BOUND . '=junk'],
        ['of two users, the first fits',     'bbb', $stolen->{marked}, $stolen->{second}, $other->{second}],
        ['of two users, the second fits',    'bbb', $stolen->{marked}, $other->{second}, $stolen->{second}],
    ) {
        my ($name, $expected, @cookies) = @$_;
        is($site->told_to(@cookies), $expected, $name);
    }
    is($site->device($owner->get('/')), 'bound', 'the owner goes on');
};

subtest 'a whole request for a refresh' => sub {
    my ($owner, $stolen) = $site->theft;
    my ($session) = $owner->sessions;
    my @proof = ('Sec-Secure-Session-Id' => $session->{id}, 'Secure-Session-Response' => $session->{key}->proof($session->{challenge}));
    my $again = sub { return $site->client->post(REFRESH, '', Cookie => $stolen->{key}, @proof) };
    # 10 minutes of a bound cookie, and 5 more.
    $site->wait(895);
    my $answer = $again->();
    is($answer->status, 200, 'may be sent again for 15 minutes');
    my $bound = BOUND . '=' . $answer->token(BOUND);
    $site->wait(10);
    is($again->()->status, 403, 'and not afterwards');
    $site->wait(615);
    is($site->told_to($stolen->{marked}, $bound), 'bbb', 'its bound cookie');
    $site->wait(15);
    is($site->told_to($stolen->{marked}, $bound), 'rrr', 'ends ten minutes and a half later');
    is($site->device($owner->get('/')), 'bound', 'the owner goes on');
};

# With a list of ended sessions, a logout ends the copies too. Without one, a copy lives as
# long as its bound cookie, and as long as a thief has the device.
my $stateless = SessionCrypto::BoundSessions->new('device-thief-stateless', '');
for (['with a list', $site, '---', 'ended'], ['without a list', $stateless, 'bbb', 'refreshed']) {
    my ($name, $of, $told, $refresh) = @$_;
    subtest "a logout $name of ended sessions" => sub {
        my ($owner, $stolen) = $of->theft;
        my ($session) = $owner->sessions;
        my $again = { %$session };
        $owner->get('/', 'X-S' => 'user=');
        is_deeply([$owner->cookies->names], [], 'the owner has no cookie left');
        is($of->told_to(@$stolen{qw(marked second)}), $told, 'copies of the pair');
        $owner->cookies->put(KEY, value($stolen->{key}), path => '/session-device', samesite => 'None');
        is($owner->refresh($again), $refresh, 'the key cookie and the device');
    };
}

for my $of ($site, $stateless) {
    $of->stop;
    $of->httpd->log->expect(qr/SC082[1-5]: session (?:not )?refused/, 'copies of a session');
    $of->httpd->log->expect(qr/SC0854: refresh with a new challenge/, 'old challenges');
    $of->httpd->log->expect(qr/SC0105: session refused/, 'other values in the place of a session');
    $of->httpd->log->expect(qr/SC0(?:135: session|845: refresh) ended/, 'copies after the logout');
    $of->httpd->log->expect(qr/SC0610: /, 'a list without a file');
    $of->log_is_clean;
}

done_testing;
