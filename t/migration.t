# A change of format or passphrase logs nobody out, if it follows the documented order
# and every user comes by once in the middle. No section sets SessionMaxAge, so only a
# stale session is written again.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64url);
use Test::More;

use SessionCrypto::Httpd ();
use SessionCrypto::Jwe   qw(header parts);

# A process draws random bytes for some dozens of nonces at a time.
use constant { USERS => 20, SEALS => 3000, SEALS_OF_SECOND => 300, MOST_SEALS => 30_000 };

my @users = map { "user$_" } 1 .. USERS;
my %cookie;

subtest 'from the C module to JWE' => sub {
    my $c = SessionCrypto::Httpd->new(name => 'c', module => 'c', config => 'SessionCryptoPassphrase secret')->start;
    $cookie{$_} = $c->client->get('/', 'X-S' => "user=$_")->token for @users;
    $c->stop;
    my $ours = SessionCrypto::Httpd->new(name => 'ours');
    # This module in place of the C module, with the same configuration.
    goes_on($ours, 'SessionCryptoPassphrase secret', writes => 0);
    # JWE comes second in the list: servers that do not know JWE yet would refuse it.
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes256 aes-256-gcm", writes => 0);
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm aes256", writes => USERS);
    is((grep { header($cookie{$_}) =~ /"enc":"A256GCM"/ } @users), USERS, 'everybody has a JWE now');
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm aes256", writes => 0);
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm", writes => 0);
    $ours->log->clean;
};

subtest 'from one AEAD cipher to another' => sub {
    my $ours = SessionCrypto::Httpd->new(name => 'ours');
    log_in($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-128-gcm");
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-128-gcm aes-256-gcm", writes => 0);
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm aes-128-gcm", writes => USERS);
    goes_on($ours, "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm", writes => 0);
    $ours->log->clean;
};

for my $case (['JWE', 'aes-256-gcm'], ['the classic format', 'aes256'], ['JWE with a purpose', "aes-256-gcm\nSessionCryptoPurpose shop"]) {
    my ($name, $cipher) = @$case;
    subtest "from an old passphrase to a new one, in $name" => sub {
        my $ours = SessionCrypto::Httpd->new(name => 'ours');
        log_in($ours, "SessionCryptoPassphrase old\nSessionCryptoCipher $cipher");
        goes_on($ours, "SessionCryptoPassphrase old new\nSessionCryptoCipher $cipher", writes => 0);
        goes_on($ours, "SessionCryptoPassphrase new old\nSessionCryptoCipher $cipher", writes => USERS);
        goes_on($ours, "SessionCryptoPassphrase new old\nSessionCryptoCipher $cipher", writes => 0);
        goes_on($ours, "SessionCryptoPassphrase new\nSessionCryptoCipher $cipher", writes => 0);
        $ours->log->clean;
    };
}

# Servers of a farm are never all at the same step.
subtest 'a farm half way' => sub {
    my @lines = (
        'SessionCryptoCipher aes256', 'SessionCryptoCipher aes256 aes-256-gcm',
        'SessionCryptoCipher aes-256-gcm aes256', 'SessionCryptoCipher aes-256-gcm',
    );
    my $config = "SessionCryptoPassphrase secret\n";
    $config .= "<Location /$_>\n$lines[$_]\n</Location>\n" for 0 .. $#lines;
    my $ours = SessionCrypto::Httpd->new(name => 'ours', config => $config)->start;
    my $client = $ours->client;
    my @opens = map {
        my $token = $client->get("/$_", 'X-S' => 'user=joe')->token // '';
        join '', map { $client->get("/$_", session => $token)->body eq 'user=joe' ? 'y' : 'n' } 0 .. $#lines;
    } 0 .. $#lines;
    is_deeply(\@opens, [qw(yyyn yyyn nyyy nyyy)], 'each step opens what the one before it and after it seals');
    $ours->stop;
    $ours->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a token of a step too far away');
    $ours->log->clean;
};

subtest 'nonces of two processes' => sub {
    my ($lua) = SessionCrypto::Httpd::env('LUA') =~ m{^(.*)/};
    my $ours = SessionCrypto::Httpd->new(
        name => 'ours', handlers => qq(LuaMapHandler "^/" "$lua/process.lua"), echo => '^/echo',
        config => "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm\n")->start;
    my $client = $ours->client;
    my (%nonces, %seals);
    # Connections do not fall on the processes alike, so the loop waits until a second
    # process has had its share.
    my ($second, $count) = (0, 0);
    while ($count < SEALS || $second < SEALS_OF_SECOND && $count < MOST_SEALS) {
        my $res = $client->get('/', 'X-S' => 'user=joe');
        $seals{ $res->body }++;
        $nonces{ (parts($res->token // ''))[2] }++;
        $count++;
        (undef, $second) = sort { $b <=> $a } values %seals, 0;
    }
    note(join ', ', map { "process $_: $seals{$_}" } sort keys %seals);
    cmp_ok($second, '>=', SEALS_OF_SECOND, 'two processes sealed');
    is(scalar keys %nonces, $count, "$count seals have as many nonces");
    is((grep { length decode_base64url($_) != 12 } keys %nonces), 0, 'of 12 bytes');
    $ours->stop;
    $ours->log->clean;
};

done_testing;

sub log_in {
    my ($httpd, $config) = @_;
    $httpd->{config} = $config;
    $httpd->start;
    $cookie{$_} = $httpd->client->get('/', 'X-S' => "user=$_")->token // '' for @users;
    $httpd->stop;
    return;
}

# Sends each user once to a server with this configuration. All stay logged in, and the
# given number of them get another cookie.
sub goes_on {
    my ($httpd, $config, %expected) = @_;
    $httpd->{config} = $config;
    $httpd->start;
    my ($writes, @out) = (0);
    for my $user (@users) {
        my $res = $httpd->client->get('/', session => $cookie{$user});
        push @out, $user if $res->body ne "user=$user";
        if (defined $res->token) {
            $writes++;
            $cookie{$user} = $res->token;
        }
    }
    $httpd->stop;
    my $name = join ', ', map { s/SessionCrypto//r } split /\n/, $config;
    is("@out", '', "nobody is logged out: $name");
    is($writes, $expected{writes}, "sessions that are saved again: $expected{writes}");
    return;
}
