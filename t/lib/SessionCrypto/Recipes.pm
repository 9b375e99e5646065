package SessionCrypto::Recipes;

# The blocks of docs/recipes.md, made to run in the directory of a server.
#
#   my $recipe = SessionCrypto::Recipes->new($httpd, 'Keys from Vault, or any command',
#       '/etc/apache2' => "$dir/etc");         # what stands on the page => what runs
#   $recipe->config                            # its ```apache blocks
#   $recipe->text('yaml')                      # the only block of a kind
#   my ($first, $second) = $recipe->texts('sh');
#   $recipe->works($first, 'a key');           # asserts that commands work
#   $recipe->stand_in('kubectl', $script);     # a program in place of one that is not here
#   need_systemd_creds($dir);                  # or skip all tests; systemd-creds works for any user

use strict;
use warnings;

use Exporter   qw(import);
use Test::More ();

use SessionCrypto::Httpd   ();
use SessionCrypto::Pages   qw(blocks);
use SessionCrypto::Preload qw(preload);
use SessionCrypto::System  qw(need_program write_file);

our @EXPORT_OK = qw(need_systemd_creds);

use constant PAGE => 'docs/recipes.md';

sub new {
    my ($class, $httpd, $heading, %moved) = @_;
    my $self = bless { httpd => $httpd, heading => $heading, moved => \%moved, path => $ENV{PATH} }, $class;
    my ($command) = SessionCrypto::Httpd::env('HTSESSION') =~ m{^(.+)/htsession\z};
    $self->{path} = join ':', $httpd->dir . '/stand-ins', $command, $ENV{PATH};
    return $self;
}

# Puts a systemd-creds that encrypts itself, with a key in a directory, before that of the PATH.
sub need_systemd_creds {
    my ($dir) = @_;
    need_program('systemd-creds', 'systemd');
    my ($program) = grep { -x } map { "$_/systemd-creds" } split /:/, $ENV{PATH};
    mkdir "$dir/bin" or die "$dir/bin: $!\n";
    write_file("$dir/bin/systemd-creds", qq(#!/bin/sh\nLD_PRELOAD='${\preload($dir, 'root')}' exec '$program' "\$@"\n));
    chmod 0755, "$dir/bin/systemd-creds" or die "systemd-creds: $!\n";
    $ENV{PATH} = "$dir/bin:$ENV{PATH}";
    $ENV{SYSTEMD_CREDENTIAL_SECRET} = "$dir/credential.secret";
    return;
}

sub texts {
    my ($self, $kind) = @_;
    my @texts = map { $_->{text} } blocks(PAGE, $kind, $self->{heading});
    @texts or die PAGE, ": no block of $kind below '$self->{heading}'\n";
    for my $name (keys %{ $self->{moved} }) {
        s/\Q$name\E/$self->{moved}{$name}/g for @texts;
    }
    return @texts;
}

sub text {
    my ($self, $kind) = @_;
    my @texts = $self->texts($kind);
    @texts == 1 or die PAGE, ": more than one block of $kind below '$self->{heading}'\n";
    return $texts[0];
}

sub config { my ($self) = @_; return join '', $self->texts('apache') }

# Runs commands in the server's directory, and asserts that they succeed.
sub works {
    my ($self, $text, $name) = @_;
    my $httpd  = $self->{httpd};
    my $script = $httpd->write_file('commands', "set -e\ncd '" . $httpd->dir . "'\n$text");
    local $ENV{PATH} = $self->{path};
    my $output = qx(sh '$script' 2>&1);
    local $Test::Builder::Level = $Test::Builder::Level + 1;
    Test::More::is($?, 0, "$name: the commands work") or Test::More::diag($output);
    return $output;
}

sub stand_in {
    my ($self, $name, $script) = @_;
    $self->{httpd}->write_file("stand-ins/$name", $script, 0755);
    return;
}

1;
