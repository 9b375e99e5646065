# Merging: the settings of a section win over those of the sections around it, each
# setting on its own. A section inherits settings that it does not set.
#
# Each case is a virtual host with settings at some of the levels of
# SessionCrypto::Levels. The token of a case must open in the one probe that has exactly
# the passphrase, cipher and digest that should have won, and in no other probe. The C
# module runs the same cases, without directives that it lacks.

use strict;
use warnings;

use MIME::Base64 qw(decode_base64);
use Test::More;

use SessionCrypto::Httpd  ();
use SessionCrypto::Jwe    qw(header);
use SessionCrypto::Levels qw(@LEVELS host outer outermost);

# The values of each setting, and the line that sets one at a given level.
my @PASSPHRASES = map { "passphrase-$_" } 'outer', 'inner', 'other';
my @CIPHERS     = qw(aes128 aes192 aes256);
my @DIGESTS     = qw(sha1 sha256 sha512);

my %WRITE = (
    passphrase => sub { "SessionCryptoPassphrase $_[0]" },
    file       => sub { qq(SessionCryptoPassphraseFile "\@DIR\@/$_[0]") },
    cipher     => sub { "SessionCryptoCipher $_[0]" },
    digest     => sub { "SessionCryptoDigest $_[0]" },
);

# [name, { level => [lines] }, { passphrase, cipher, digest that must win }, options]
my @cases = (single_levels(), pairs(), three_settings_at_three_levels(), lists());

# The cases of an httpd share one server level, and so whether it sets something.
for my $module (qw(ours c)) {
    for my $at_server (sort { $a cmp $b } keys %{ { map { server_lines($_) => 1 } @cases } }) {
        run_cases($module, $at_server,
            grep { server_lines($_) eq $at_server && ($module eq 'ours' || !needs_ours($_)) } @cases);
    }
}
purposes();
done_testing;

sub single_levels {
    return map {
        my $level = $_;
        (
            ["passphrase at $level", { $level => [write_setting(passphrase => 'passphrase-inner')] },
                { passphrase => 'passphrase-inner' }],
            ["cipher at $level", with_passphrase({ $level => [write_setting(cipher => 'aes128')] }),
                { cipher => 'aes128' }],
            ["digest at $level", with_passphrase({ $level => [write_setting(digest => 'sha512')] }),
                { digest => 'sha512' }],
        );
    } @LEVELS;
}

sub pairs {
    my @pairs;
    for my $inner (@LEVELS) {
        for my $outer (outer($inner)) {
            push @pairs, passphrase_pairs($outer, $inner),
                ["cipher at $outer and $inner", with_passphrase({
                    $outer => [write_setting(cipher => 'aes128')],
                    $inner => [write_setting(cipher => 'aes192')] }), { cipher => 'aes192' }],
                ["digest at $outer and $inner", with_passphrase({
                    $outer => [write_setting(digest => 'sha512')],
                    $inner => [write_setting(digest => 'sha256')] }), { digest => 'sha256' }];
        }
    }
    return @pairs;
}

# Two directives give passphrases, and both fill one list.
sub passphrase_pairs {
    my ($outer, $inner) = @_;
    my @pairs;
    for my $first (qw(passphrase file)) {
        for my $second (qw(passphrase file)) {
            next if $first eq 'file' && $outer eq 'htaccess' || $second eq 'file' && $inner eq 'htaccess';
            push @pairs, ["$first at $outer and $second at $inner",
                { $outer => [write_setting($first => 'passphrase-outer')], $inner => [write_setting($second => 'passphrase-inner')] },
                { passphrase => 'passphrase-inner' }];
        }
    }
    return @pairs;
}

# Each setting comes from another level, in every order of the three.
sub three_settings_at_three_levels {
    my @cases;
    for my $levels ([qw(vhost directory nested)], [qw(server htaccess location)], [qw(directory location if)]) {
        for my $order ([0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]) {
            my ($p, $c, $d) = @$levels[@$order];
            push @cases, ["passphrase at $p, cipher at $c, digest at $d", {
                $p => [write_setting(passphrase => 'passphrase-inner')],
                $c => [write_setting(cipher => 'aes128')],
                $d => [write_setting(digest => 'sha256')],
            }, { passphrase => 'passphrase-inner', cipher => 'aes128', digest => 'sha256' }];
            push @cases, ["passphrase at $p, cipher at $c", {
                $p => [write_setting(passphrase => 'passphrase-inner')],
                $c => [write_setting(cipher => 'aes128')],
            }, { passphrase => 'passphrase-inner', cipher => 'aes128' }];
        }
    }
    return @cases;
}

# `opens` lists the passphrases whose tokens the case opens; the default is the one that
# seals.
sub lists {
    my ($outer, $inner, $other) = @PASSPHRASES;
    my @cases;
    for my $level (@LEVELS) {
        push @cases,
            ["two passphrases on a line at $level", { $level => ["SessionCryptoPassphrase $outer $inner"] },
                { passphrase => $outer }, { opens => [$outer, $inner] }],
            ["two lines at $level append", { $level => ["SessionCryptoPassphrase $outer", "SessionCryptoPassphrase $inner"] },
                { passphrase => $outer }, { opens => [$outer, $inner] }],
            ["the last cipher line at $level wins", with_passphrase({ $level => ['SessionCryptoCipher aes128', 'SessionCryptoCipher aes192'] }),
                { cipher => 'aes192' }],
            ["two ciphers on a line at $level: the first seals", with_passphrase({ $level => ['SessionCryptoCipher aes128 aes192'] }),
                { cipher => 'aes128' }, { needs_ours => 1, opens_ciphers => [qw(aes128 aes192)] }],
            ["a later cipher line at $level replaces a list", with_passphrase({ $level => ['SessionCryptoCipher aes128 aes192', 'SessionCryptoCipher aes256'] }),
                { cipher => 'aes256' }, { needs_ours => 1, opens_ciphers => ['aes256'] }];
        next if $level eq 'htaccess';
        push @cases,
            ["a line and a file at $level append", { $level => [write_setting(passphrase => $outer), write_setting(file => $inner)] },
                { passphrase => $outer }, { opens => [$outer, $inner] }],
            ["a file and a line at $level append", { $level => [write_setting(file => $inner), write_setting(passphrase => $outer)] },
                { passphrase => $inner }, { opens => [$inner, $outer] }],
            ["two words in a file at $level", { $level => [qq(SessionCryptoPassphraseFile "\@DIR\@/two")] },
                { passphrase => $outer }, { opens => [$outer, $other] }];
    }
    push @cases,
        ['a section that sets a list replaces the list around it',
            { vhost => ["SessionCryptoPassphrase $outer $other"], location => ["SessionCryptoPassphrase $inner"] },
            { passphrase => $inner }, { opens => [$inner] }],
        ['a section that sets another setting keeps the whole list',
            { vhost => ["SessionCryptoPassphrase $outer $other"], location => ['SessionCryptoCipher aes128'] },
            { passphrase => $outer, cipher => 'aes128' }, { opens => [$outer, $other] }],
        ['two sections for one URL replace, they do not append',
            { location => ["SessionCryptoPassphrase $outer"], nested => ["SessionCryptoPassphrase $inner"] },
            { passphrase => $inner }, { opens => [$inner] }];
    return @cases;
}

# A purpose merges like the other settings, and the token shows it. .htaccess cannot set
# it.
sub purposes {
    my @levels = grep { $_ ne 'htaccess' } @LEVELS;
    my @cases  = map { [$_, $_] } @levels;
    for my $inner (@levels) {
        push @cases, map { [$_, $inner] } grep { $_ ne 'htaccess' } outer($inner);
    }
    for my $at_server (0, 1) {
        my @here  = grep { ($_->[0] eq 'server') == $at_server } @cases;
        my $httpd = SessionCrypto::Httpd->new(name => 'merge_purpose');
        my $config = "SessionCryptoPassphrase secret\nSessionCryptoCipher aes-256-gcm\n";
        $config .= "SessionCryptoPurpose at-server\n" if $at_server;
        for my $number (0 .. $#here) {
            my %levels = map { $_ => ["SessionCryptoPurpose at-$_"] } grep { $_ ne 'server' } @{ $here[$number] };
            $config .= host($httpd, $number, \%levels);
        }
        $httpd->{config} = $config;
        $httpd->start;
        for my $number (0 .. $#here) {
            my ($outer, $inner) = @{ $here[$number] };
            my $token = $httpd->client(host => "case$number")->get('/in/nested', 'X-S' => 'user=joe')->token // '';
            my ($purpose) = header($token) =~ /"aud":"([^"]*)"/;
            is($purpose, "at-$inner", "ours: purpose at $outer" . ($outer eq $inner ? '' : " and $inner"));
        }
        $httpd->stop;
        $httpd->log->clean;
    }
    return;
}

sub write_setting { return $WRITE{ $_[0] }->($_[1]) }

# A case about another setting has its passphrase in the outermost of its sections.
sub with_passphrase {
    my ($levels) = @_;
    unshift @{ $levels->{ outermost(keys %$levels) } }, write_setting(passphrase => 'passphrase-inner');
    return $levels;
}

sub server_lines { return join "\n", @{ $_[0][1]{server} // [] } }

sub needs_ours {
    my ($case) = @_;
    return 1 if ($case->[3] // {})->{needs_ours};
    return scalar grep { /SessionCryptoDigest/ } map { @$_ } values %{ $case->[1] };
}

sub run_cases {
    my ($module, $at_server, @cases) = @_;
    return if !@cases;
    my $httpd = SessionCrypto::Httpd->new(name => "merge_$module", module => $module);
    $httpd->write_file($_, "$_\n", 0600) for @PASSPHRASES;
    $httpd->write_file('two', "# comment\n$PASSPHRASES[0] \"$PASSPHRASES[2]\" # comment\n", 0600);
    $httpd->{config} = join "\n", $at_server, probes($module), map { host($httpd, $_, $cases[$_][1]) } 0 .. $#cases;
    $httpd->start;
    is_merged($httpd, $module, $_, $cases[$_]) for 0 .. $#cases;
    $httpd->stop;
    $httpd->log->expect(qr/\[session_crypto:info\] .*\[client /, 'a probe refuses a token');
    $httpd->log->expect(qr/\[session_crypto:warn\] .* does nothing, and sessions go out in clear/, 'sessions are on where no passphrase is');
    $httpd->log->expect(qr/AH01840|AH01842|AH01817/, 'the same, as the C module says it') if $module eq 'c';
    $httpd->log->clean("$module: nothing unexpected in error_log");
}

# A host with a location for each combination of settings.
sub probes {
    my ($module) = @_;
    my @locations;
    for my $probe (all_probes($module)) {
        my ($passphrase, $cipher, $digest) = split m{/}, $probe;
        push @locations, "<Location /$probe>", write_setting(passphrase => $passphrase),
            write_setting(cipher => $cipher), $module eq 'ours' ? write_setting(digest => $digest) : (),
            '</Location>';
    }
    return join "\n", '<VirtualHost *>', 'ServerName probe', @locations, '</VirtualHost>';
}

sub all_probes {
    my ($module) = @_;
    my @probes;
    for my $passphrase (@PASSPHRASES) {
        for my $cipher (@CIPHERS) {
            push @probes, map { "$passphrase/$cipher/$_" } $module eq 'ours' ? @DIGESTS : 'sha1';
        }
    }
    return @probes;
}

sub is_merged {
    my ($httpd, $module, $number, $case) = @_;
    my ($name, undef, $wins, $options) = @$case;
    my ($passphrase, $cipher, $digest) =
        ($wins->{passphrase} // 'passphrase-inner', $wins->{cipher} // 'aes256', $wins->{digest} // 'sha1');
    my $client = $httpd->client(host => "case$number");
    my $probe  = $httpd->client(host => 'probe');

    my $token = $client->get('/in/nested', 'X-S' => 'user=joe')->token // '';
    my $bytes = decode_base64($token);
    my $clear = "$token$bytes" =~ /user=joe/ ? ', sent in clear' : '';
    my @opens = grep { $probe->get("/$_", session => $token)->body eq 'user=joe' } nearby_probes($module, $passphrase, $cipher, $digest);
    is("@opens$clear", "$passphrase/$cipher/$digest", "$module: $name: the token is sealed as it should be");

    my @expected = @{ $options->{opens} // [$passphrase] };
    is_deeply([opened_by($client, $probe, map { "$_/$cipher/$digest" } @PASSPHRASES)],
        [sort map { "$_/$cipher/$digest" } @expected], "$module: $name: opens the passphrases of the list")
        if $options->{opens} || $wins->{passphrase};
    is_deeply([opened_by($client, $probe, map { "$passphrase/$_/$digest" } @CIPHERS)],
        [sort map { "$passphrase/$_/$digest" } @{ $options->{opens_ciphers} }], "$module: $name: opens the ciphers of the list")
        if $options->{opens_ciphers};
}

# Probes that differ in one setting. Each probe costs a key derivation.
sub nearby_probes {
    my ($module, $passphrase, $cipher, $digest) = @_;
    my @digests = $module eq 'ours' ? @DIGESTS : ();
    my %probe = map { $_ => 1 } "$passphrase/$cipher/$digest",
        (map { "$_/$cipher/$digest" } @PASSPHRASES), (map { "$passphrase/$_/$digest" } @CIPHERS),
        (map { "$passphrase/$cipher/$_" } @digests);
    return sort keys %probe;
}

# The probes with tokens that the case opens.
sub opened_by {
    my ($client, $probe, @paths) = @_;
    return sort grep {
        my $token = sealed_by($probe, $_);
        $client->get('/in/nested', session => $token)->body eq 'user=joe';
    } @paths;
}

# One token of each probe of an httpd is enough.
my %sealed;
sub sealed_by {
    my ($probe, $path) = @_;
    return $sealed{"$probe->{port}/$path"} //= $probe->get("/$path", 'X-S' => 'user=joe')->token;
}
