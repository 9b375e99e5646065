# A thief has cookies of a session that is bound to a device. The tables say what each mode
# gives him for them, and when. No request that is refused ends the session of its owner.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND KEY REFRESH REGISTER SESSION value);
use SessionCrypto::DeviceKey     ();
use SessionCrypto::Httpd         ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $site = SessionCrypto::BoundSessions->new('device-thief', 'SessionCryptoRevocation on');

# Copies of a session and of bound cookies; seconds after the theft; and what offer, enforce
# and required say: u unbound, b bound, r refused, - no session. The key cookie beside them
# changes nothing.
my $TABLE = <<'END';
                        5     65    95    605   635
nothing                 ---   ---   ---   ---   ---
first                   ---   ---   ---   ---   ---
second                  ---   ---   ---   ---   ---
first second            ---   ---   ---   ---   ---
before                  uuu   uur   uur   uur   uur
before first            uuu   uuu   uur   uur   uur
before second           bbb   bbb   bbb   bbb   uur
before first second     bbb   bbb   bbb   bbb   uur
marked                  rrr   rrr   rrr   rrr   rrr
marked first            bbb   bbb   rrr   rrr   rrr
marked second           bbb   bbb   bbb   bbb   rrr
marked first second     bbb   bbb   bbb   bbb   rrr
END
my ($head, @rows) = split /\n/, $TABLE;
my @moments = split ' ', $head;
my %told    = map { my ($names, @told) = split /\s{2,}/; my %at; @at{@moments} = @told; ($names => \%at) } @rows;
my @copies  = map { /\A(\S.*?)\s{2,}/ } @rows;

my ($owner, $stolen) = $site->theft;
my ($session) = $owner->sessions;
my $thief = SessionCrypto::DeviceKey->new('P-256');
my $stole = $site->time;
for my $moment (@moments) {
    # A slow machine has used some of the time.
    $site->wait($stole + $moment - $site->time);
    subtest "after $moment seconds" => sub {
        for my $names (@copies) {
            my @cookies = copies($stolen, $names);
            is($site->told_to(@cookies),                   $told{$names}{$moment}, $names);
            is($site->told_to(@cookies, $stolen->{key}),   $told{$names}{$moment}, "$names, and key");
            is($site->told_to($stolen->{key}, reverse @cookies), $told{$names}{$moment}, "the same in another order") if @cookies > 2;
        }
        no_cookie('the key cookie', $stolen->{key});
        no_cookie('all cookies',    values %$stolen);
        is($site->device($owner->get('/')), 'bound', 'the owner goes on');
    };
}

# With a list of ended sessions, a session that is let in can be ended, also by a thief.
subtest 'writing to a session' => sub {
    for my $writes ('user=', 'user=thief', 'cart=1') {
        for my $names (@copies) {
            my ($owner, $stolen) = $site->theft;
            my $is_in = $told{$names}{5} =~ /^.[ub]/;
            $site->client->get('/enforce', Cookie => join('; ', copies($stolen, $names), $stolen->{key}), 'X-S' => $writes);
            my $is_ended = $is_in && $writes =~ /^user/;
            is($site->device($owner->get('/')), $is_ended ? '' : 'bound', "$names: $writes");
        }
    }
};

subtest 'cookies in the place of others' => sub {
    my ($owner, $stolen) = $site->theft;
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
        # A sibling host may send more than are opened. Then the session is empty, and stays.
        ['seven before the bound cookie',    'bbb', $stolen->{marked}, (map { BOUND . "=junk$_" } 1 .. 7), $stolen->{second}],
        ['eight before the bound cookie',    'rrr', $stolen->{marked}, (map { BOUND . "=junk$_" } 1 .. 8), $stolen->{second}],
        # httpd itself takes neither of two sessions.
        ['the session of a thief behind',    '---', $stolen->{marked}, $stolen->{second}, $other->{marked}],
        ['the session of a thief before',    '---', $other->{marked}, $stolen->{marked}, $stolen->{second}],
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
for (['with a list', $site, 'ended'], ['without a list', $stateless, 'refreshed']) {
    my ($name, $of, $refresh) = @$_;
    subtest "a logout $name of ended sessions" => sub {
        my ($owner, $stolen) = $of->theft;
        my ($session) = $owner->sessions;
        my $again = { %$session };
        $owner->get('/', 'X-S' => 'user=');
        is_deeply([$owner->cookies->names], [], 'the owner has no cookie left');
        for (@copies) {
            is($of->told_to(copies($stolen, $_)), $refresh eq 'ended' ? '---' : $told{$_}{5}, "copies: $_");
        }
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
    $of->httpd->log->expect(qr/SC08[45]\d: (?:refresh|registration) refused/, 'requests with a device of the thief');
    $of->httpd->log->expect(qr/AH00011/, 'two sessions in a request');
    $of->httpd->log->expect(qr/SC0610: /, 'a list without a file');
    $of->log_is_clean;
}

done_testing;

# Cookies by their names in a table.
sub copies {
    my ($stolen, $names) = @_;
    return map { $stolen->{$_} // () } split ' ', $names;
}

# Asserts that the endpoints give no cookie to a thief who has these, the challenge and a
# device of his own.
sub no_cookie {
    my ($name, @cookies) = @_;
    my $challenge = $session->{challenge};
    for (
        [403, REFRESH,  'Sec-Secure-Session-Id' => $session->{id}],
        [401, REFRESH,  'Sec-Secure-Session-Id' => $session->{id},        'Secure-Session-Response' => $thief->proof($challenge)],
        [401, REFRESH,  'Sec-Secure-Session-Id' => $thief->thumbprint,    'Secure-Session-Response' => $thief->proof($challenge)],
        [400, REGISTER, 'Secure-Session-Response' => $thief->registration($challenge)],
    ) {
        my ($status, $path, @headers) = @$_;
        my $answer = $site->client->post($path, '', Cookie => join('; ', @cookies), @headers);
        local $Test::Builder::Level = $Test::Builder::Level + 1;
        is_deeply([$answer->status, $answer->header('set-cookie')], [$status], "$name: none of $path");
    }
    return;
}
