# SessionCryptoPassEnv: exec: programs get the variables that it names, with the values of
# httpd's environment, and no other. A name that would do nothing is an error of `httpd -t`.

use strict;
use warnings;

use Test::More;

use SessionCrypto::Httpd   ();
use SessionCrypto::Startup qw(SECRET host inside is_accepted is_wrong);
use SessionCrypto::System  qw(read_file run);

my $httpd = SessionCrypto::Httpd->new(name => 'startup-environment');
my $dir   = $httpd->dir;

# A client of a vault: the passphrase depends on a variable, and all variables are told.
$httpd->write_file('print', qq(#!/bin/sh\n/usr/bin/env | /usr/bin/sort >>'$dir/seen'\necho ---- >>'$dir/seen'\necho "passphrase for \$SC_TOKEN"\n), 0755);
$httpd->write_file('seen', '', 0666);
$httpd->write_file('passphrases', "exec:$dir/print\n", 0600);
my $line = "SessionCryptoPassphrase exec:print\n";

local $ENV{SC_TOKEN} = SECRET;
local $ENV{SC_PLACE} = 'a b=c';
local $ENV{SC_EMPTY} = '';
delete local $ENV{SC_UNSET};

my $wrong = "# wrong:\n";
my %WRONG = (
    'a variable that is not set'      => ["${wrong}SessionCryptoPassEnv SC_UNSET\n$line", 'SC0308', 'has no SC_UNSET', 'envvars'],
    'the second one is not set'       => ["${wrong}SessionCryptoPassEnv SC_TOKEN SC_UNSET\n$line", 'has no SC_UNSET'],
    'a value in the line'             => ["${wrong}SessionCryptoPassEnv SC_TOKEN=1\n$line", 'SC0307', q('SC_TOKEN=1' is not the name)],
    'an empty name'                   => [qq(${wrong}SessionCryptoPassEnv ""\n$line), 'SC0307'],
    'a line after the program'        => ["$line${wrong}SessionCryptoPassEnv SC_TOKEN\n", 'SC0309', 'has run without these variables'],
    'a line after that of a host'     => [host($line) . "${wrong}SessionCryptoPassEnv SC_TOKEN\n", 'SC0309'],
    'a line after that of a file'     => ["SessionCryptoPassphraseFile passphrases\n${wrong}SessionCryptoPassEnv SC_TOKEN\n", 'SC0309'],
    'no program'                      => ["${wrong}SessionCryptoPassEnv SC_TOKEN\nSessionCryptoPassphrase ${\SECRET}\n", 'does nothing'],
    'nothing else'                    => ["${wrong}SessionCryptoPassEnv SC_TOKEN\n", 'no line has an exec: program'],
    'a line in a virtual host'        => [host("${wrong}SessionCryptoPassEnv SC_TOKEN\n$line"), 'SC0315', 'move this line out'],
    'a line in a location'            => [inside('Location /shop', "${wrong}SessionCryptoPassEnv SC_TOKEN\n$line"), 'not allowed in <Location> context'],
);
for my $name (sort keys %WRONG) {
    ($httpd->{config}, my @words) = @{ $WRONG{$name} };
    is_wrong($httpd, $name, @words);
}

# The environments of the programs that this configuration runs.
sub seen {
    my ($config) = @_;
    $httpd->write_file('seen', '', 0666);
    $httpd->{config} = $config;
    is_accepted($httpd, $config =~ s/\n.*//sr);
    return [map { [grep { !/^(?:PWD|SHLVL|_|OLDPWD)=/ } split /\n/] } split /----\n/, read_file("$dir/seen")];
}

my $token = 'SC_TOKEN=' . SECRET;
is_deeply(seen($line)->[0], [], 'without a line, no variable');
is_deeply(seen("SessionCryptoPassEnv SC_TOKEN\n$line")->[0], [$token], 'with one, its own');
is_deeply(seen("SessionCryptoPassEnv SC_TOKEN SC_EMPTY\nSessionCryptoPassEnv SC_PLACE SC_TOKEN\n$line")->[0],
    ['SC_EMPTY=', 'SC_PLACE=a b=c', $token], 'lines add up, and values are whole');
is_deeply(seen("SessionCryptoPassEnv SC_TOKEN\n" . host($line))->[0], [$token], 'a program in a virtual host has them');
is_deeply(seen("SessionCryptoPassEnv SC_TOKEN\nSessionCryptoPassphraseFile passphrases")->[0], [$token], 'and so has one in a file');

# A server seals with what the program made of the variable, after a restart too.
$httpd->{config} = "SessionCryptoPassEnv SC_TOKEN\n$line";
$httpd->start;
my $twin = SessionCrypto::Httpd->new(name => 'startup-environment-twin', config => "SessionCryptoPassphrase 'passphrase for ${\SECRET}'")->start;
for my $when ('at first', 'after a restart') {
    my $token = $httpd->client->get('/', 'X-S' => 'user=joe')->token;
    is($twin->client->get('/', session => $token)->body, 'user=joe', "the passphrase has the variable $when");
    $httpd->graceful;
}
$_->stop for $httpd, $twin;
unlike(read_file("$dir/error_log"), qr/${\SECRET}/, 'no line of the log has the value');

# The command does the same.
my $HTSESSION = SessionCrypto::Httpd::env('HTSESSION');
my ($sealed)  = run('sh', '-c', "printf user=joe | '$HTSESSION' seal -p '$dir/passphrases' --pass-env SC_TOKEN") =~ /^(\S+)\n$/;
is($twin->start_again->client->get('/', session => $sealed // '')->body, 'user=joe', 'htsession --pass-env');
$twin->stop;

done_testing;
