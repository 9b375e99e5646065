# The endpoints give a bound cookie to none but the owner of a key: not for proofs that are
# forged, old, of another kind or of another session. A proof that is refused ends nothing.
# Requests that were recorded count until their challenge is too old.
#
# SESSION_CRYPTO_FULL=1 has RSA keys of 4096 bits, which take seconds to make.

use strict;
use warnings;

use Test::More;

use SessionCrypto::BoundSessions qw(BOUND KEY REFRESH REGISTER value);
use SessionCrypto::Device        ();
use SessionCrypto::DeviceKey     qw(odd_proofs wrong_proofs wrong_registrations);
use SessionCrypto::Httpd         ();

plan(skip_all => 'this httpd has no mod_ssl') if !SessionCrypto::Httpd::has_module('ssl');

my $site = SessionCrypto::BoundSessions->new('device-proofs', '');

subtest 'refreshes' => sub {
    my ($owner, $stolen) = $site->theft;
    my ($other) = $site->theft;
    my ($session, $theirs) = map { $_->sessions } $owner, $other;
    my ($key, $challenge)  = @$session{qw(key challenge)};
    my $refresh = sub {
        my ($proof, @cookies) = @_;
        return $site->client->request('POST', REFRESH, undef, 'Content-Length' => 0, 'Sec-Secure-Session-Id' => $session->{id},
            Cookie => join('; ', @cookies ? @cookies : $stolen->{key}), defined $proof ? ('Secure-Session-Response' => $proof) : ());
    };
    my $right = $key->proof($challenge);

    my $answer = $refresh->(undef);
    refused($answer, 403, 'without a proof');
    is(scalar($answer->header('secure-session-challenge')), 1, 'it gets a challenge');
    for (
        [401, 'without the key cookie',              $right, $stolen->{second}],
        [401, 'with the bound cookie as the key',    $right, KEY . '=' . value($stolen->{second})],
        [401, 'with the session as the key',         $right, KEY . '=' . value($stolen->{marked})],
        [401, 'with the key cookie of another user', $right, KEY . '=' . $other->cookies->value(KEY)],
        [403, 'by a challenge of another user',      $key->proof($theirs->{challenge})],
        [403, 'by a challenge for a registration',   $key->proof($owner->last_offer->{challenge})],
        [403, 'by a bound cookie as the challenge',  $key->proof(value($stolen->{second}))],
        [403, 'by a challenge that is none',         $key->proof('challenge')],
    ) {
        my ($status, $name, $proof, @cookies) = @$_;
        refused($refresh->($proof, @cookies), $status, $name);
    }
    my %wrong = wrong_proofs($key, $challenge);
    refused($refresh->($wrong{$_}), 401, $_) for sort keys %wrong;

    my %odd = odd_proofs($key, $challenge);
    is($refresh->($odd{$_})->status, 200, "a right proof $_") for sort keys %odd;
    for ([KEY . '=junk', $stolen->{key}], [$stolen->{key}, KEY . '=' . $other->cookies->value(KEY)]) {
        is($refresh->($right, @$_)->status, 200, 'the key cookie that fits counts');
    }

    # A refresh that was recorded can be repeated for a while.
    $site->wait(840);
    is($refresh->($right)->status, 200, 'a proof, 14 minutes later');
    $site->wait(61);
    refused($refresh->($right), 403, 'an old proof');
    is($site->device($owner->get('/')), 'bound', 'the owner goes on');
};

subtest 'registrations' => sub {
    my ($owner, $stolen) = $site->theft;
    my ($session) = $owner->sessions;
    my $offered = $owner->last_offer->{challenge};
    my $thief   = SessionCrypto::DeviceKey->new('P-256');
    my $register = sub {
        my ($proof, @cookies) = @_;
        return $site->client->request('POST', REGISTER, undef, 'Content-Length' => 0,
            @cookies ? (Cookie => join '; ', @cookies) : (), defined $proof ? ('Secure-Session-Response' => $proof) : ());
    };
    refused($register->(undef, values %$stolen), 400, 'without a proof');
    for (
        ['by a challenge for a refresh',       $session->{challenge}],
        ['by a bound cookie as the challenge', value($stolen->{second})],
        ['by a session as the challenge',      value($stolen->{before})],
        ['by a challenge that is none',        'challenge'],
    ) {
        my ($name, $challenge) = @$_;
        refused($register->($thief->registration($challenge), @$stolen{qw(marked second key)}), 400, $name);
    }
    my %wrong = wrong_registrations($offered);
    refused($register->($wrong{$_}), 400, $_) for sort keys %wrong;

    # A thief who has read the answer to the login can register a device of his own.
    my $registered = $register->($thief->registration($offered));
    is($registered->status, 200, 'the challenge of the login');
    my $device = BOUND . '=' . $registered->token(BOUND);
    is($site->told_to($stolen->{marked}, $device), 'rrr', 'does not count beside the mark');
    is($site->told_to($stolen->{before}, $device), 'uuu', 'but beside a copy from before');
    is($site->device($owner->get('/')), 'bound', 'the owner goes on');

    # So can a registration.
    my $recorded = $session->{key}->registration($offered);
    $site->wait(240);
    $registered = $register->($recorded);
    is($registered->status, 200, 'the registration of the owner, four minutes later');
    is($site->told_to($stolen->{marked}, BOUND . '=' . $registered->token(BOUND)), 'bbb', 'counts');
    $site->wait(61);
    refused($register->($recorded), 400, 'an old registration');
    refused($register->($thief->registration($offered)), 400, 'an old offer');
    $site->wait(30);
    is($site->told_to($stolen->{marked}, BOUND . '=' . $registered->token(BOUND)), 'rrr', 'and what came of it is over');
};

subtest 'other requests' => sub {
    for my $path (REGISTER, REFRESH) {
        refused($site->client->request($_, $path), 405, "$_ $path") for qw(GET HEAD PUT DELETE);
    }
    refused($site->client->post($_, ''), 404, $_) for '/session-device', '/session-device/', '/session-device/other';
};

for my $kind (qw(P-256 rsa:2048), $ENV{SESSION_CRYPTO_FULL} ? 'rsa:4096' : ()) {
    my $device = SessionCrypto::Device->new(servers => [$site->httpd], kind => $kind);
    $device->get('/', 'X-S' => 'user=joe');
    is($site->device($device->get('/')), 'unbound', "$kind: registered");
    is($site->device($device->get('/')), 'bound',   "$kind: bound");
    is_deeply([$device->happenings], [[qw(register registered)], [qw(refresh refreshed)]], "$kind: after one refresh");
}

$site->stop;
$site->httpd->log->expect(qr/SC08[45]\d: (?:refresh|registration) (?:refused|with a new challenge)/, 'proofs');
$site->httpd->log->expect(qr/SC08(?:22|23|33|34): /, 'a session of another device or after its end, other methods, other paths');
$site->log_is_clean;

done_testing;

# Asserts an answer that gives no cookie.
sub refused {
    my ($answer, $status, $name) = @_;
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    is_deeply([$answer->status, $answer->header('set-cookie')], [$status], $name);
    return;
}
